/** What this execution made or took over from an earlier attempt, and has to undo when it fails: plain data, names before ids. */
export type Made =
  /** A multipart upload under a key; without an id one whose answer was lost, if there is one. */
  | { kind: 'upload'; key: string; id?: string }
  /** The zero object and its seed, whose keys begin with this one. */
  | { kind: 'zeros'; key: string }
  /** A staged object; `etag` and `versionId` once it was completed. */
  | { kind: 'object'; key: string; etag?: string; versionId?: string | undefined }
  | MadeImage
  /** Images that go once the new one holds the name; `by` is its id. */
  | { kind: 'replaced'; region: string; name: string; ids: string[]; by?: string }
  /** The import role, perhaps without its policy. */
  | { kind: 'role' };

/** An image under the name that it wants or a temporary one. */
export interface MadeImage {
  kind: 'image';
  region: string;
  name: string;
  wants: string;
  /** Of the execution that made it: this one or an earlier attempt. */
  mark: string;
  id?: string;
  taskId?: string | undefined;
  made: 'import' | 'encrypt' | 'copy';
  /** Needed only on the way. */
  intermediate: boolean;
}

/** Keeps what was made, and saves it the moment before it is made: post may be all that is left of the run. */
export class Ledger {
  /** Id of the account that everything is made in. */
  account: string | undefined;
  private readonly entries = new Map<string, Made>();
  private readonly save: (made: Made[], account: string | undefined) => void;

  constructor(save: (made: Made[], account: string | undefined) => void) {
    this.save = save;
  }

  /** Adds an entry, or what has become known of it. */
  record(made: Made): void {
    this.entries.set(nameOf(made), { ...this.entries.get(nameOf(made)), ...made });
    this.save(this.made(), this.account);
  }

  /** Forgets what is undone or has become the user's. */
  forget(...made: Made[]): void {
    for (const one of made) this.entries.delete(nameOf(one));
    this.save(this.made(), this.account);
  }

  made(): Made[] {
    return [...this.entries.values()];
  }
}

function nameOf(made: Made): string {
  switch (made.kind) {
    case 'role':
      return 'role';
    case 'replaced':
      return `replaced ${made.region} ${made.name}`;
    case 'image':
      return `image ${made.region} ${made.name}`;
    case 'upload':
      return `upload ${made.key} ${made.id ?? ''}`;
    default:
      return `${made.kind} ${made.key}`;
  }
}
