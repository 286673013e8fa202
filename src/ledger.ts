/** What this run made and has to undo when it fails: plain data, names before ids. */
export type Made =
  /**
   * A multipart upload under a key; `others` were under it before us, which matters where the key is the user's. Of one
   * that was completed nothing is left, unless the answer to another beginning of it was lost.
   */
  | { kind: 'upload'; key: string; id?: string; others?: string[] | undefined; completed?: boolean }
  /** The zero object of a staged object, and its seed. */
  | { kind: 'zeros'; key: string }
  /** A staged object; `etag` and `versionId` once it was completed. */
  | { kind: 'object'; key: string; etag?: string; versionId?: string | undefined }
  /** An image under the name that it wants or a temporary one; a scratch image is needed only on the way. */
  | {
      kind: 'image';
      region: string;
      name: string;
      wants: string;
      id?: string;
      taskId?: string | undefined;
      copy?: boolean;
      scratch?: boolean;
    }
  /** An image that goes once the new one holds its name. */
  | { kind: 'replaced'; region: string; name: string; id: string }
  /** The import role, perhaps without its policy. */
  | { kind: 'role' };

/** Keeps what was made, and saves it the moment before it is made: post may be all that is left of the run. */
export class Ledger {
  private readonly entries = new Map<string, Made>();
  private readonly save: (made: Made[]) => void;

  constructor(save: (made: Made[]) => void) {
    this.save = save;
  }

  /** Adds an entry, or what has become known of it. */
  record(made: Made): void {
    this.entries.set(nameOf(made), { ...this.entries.get(nameOf(made)), ...made });
    this.save(this.made());
  }

  /** Forgets what is undone or has become the user's. */
  forget(kinds: Made['kind'][]): void {
    this.keep(({ kind }) => !kinds.includes(kind));
  }

  keep(wanted: (made: Made) => boolean): void {
    for (const [name, made] of this.entries) if (!wanted(made)) this.entries.delete(name);
    this.save(this.made());
  }

  made(): Made[] {
    return [...this.entries.values()];
  }
}

function nameOf(made: Made): string {
  if (made.kind === 'role') return 'role';
  if (made.kind === 'replaced') return `replaced ${made.id}`;
  return made.kind === 'image' ? `image ${made.region} ${made.name}` : `${made.kind} ${made.key}`;
}
