/**
 * What this execution made or took over from an earlier attempt, and has to undo when it fails. Plain data: recorded by name
 * before the request, completed with ids after it.
 */
export type LedgerEntry =
  /** A multipart upload; without an id, one that may exist because the answer to its request was lost. */
  | { kind: 'upload'; key: string; id?: string | undefined }
  /** The zero object and its seed, whose keys begin with `key`. */
  | { kind: 'zeros'; key: string }
  /** A staged object; `etag` and `versionId` are known once it is complete. */
  | { kind: 'object'; key: string; etag?: string | undefined; versionId?: string | undefined }
  | ImageEntry
  /** Images to delete once the new image holds the name; `by` is the id of the new image. */
  | { kind: 'replaced'; region: string; name: string; ids: string[]; by?: string }
  /** The import role, perhaps without its policy. */
  | { kind: 'role' };

/** An image that was started or adopted. */
export interface ImageEntry {
  kind: 'image';
  region: string;
  /** Its name at the start: the final or a temporary one. */
  name: string;
  /** Its final name. */
  wants: string;
  /** Mark of the execution that made it: this one or an earlier attempt. */
  mark: string;
  id?: string | undefined;
  taskId?: string | undefined;
  madeBy: 'import' | 'encrypt' | 'copy';
  /** Whether it is the unencrypted image behind an encrypted one, and is deleted in the end. */
  intermediate: boolean;
}

/** Saves each change immediately, because the process can be killed at any time and the post step reads what was saved. */
export class Ledger {
  /** Id of the account. */
  account: string | undefined;
  private readonly entries = new Map<string, LedgerEntry>();
  private readonly save: (made: LedgerEntry[], account: string | undefined) => void;

  constructor(save: (made: LedgerEntry[], account: string | undefined) => void) {
    this.save = save;
  }

  /** Adds an entry, or adds to it. */
  record(made: LedgerEntry): void {
    this.entries.set(nameOf(made), { ...this.entries.get(nameOf(made)), ...made });
    this.save(this.made(), this.account);
  }

  /** Removes entries that are undone or that belong to the user now. */
  forget(...made: LedgerEntry[]): void {
    for (const one of made) this.entries.delete(nameOf(one));
    this.save(this.made(), this.account);
  }

  made(): LedgerEntry[] {
    return [...this.entries.values()];
  }
}

/** Equal for entries about the same resource. */
function nameOf(made: LedgerEntry): string {
  const { kind, region, name, key, id } = made as Partial<ImageEntry> & { key?: string };
  return [kind, region, name, key, made.kind === 'upload' ? id : ''].join(' ');
}
