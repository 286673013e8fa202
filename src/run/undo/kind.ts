import type { RegionalImage, UndoContext } from '../context.ts';
import type { LedgerEntry } from '../ledger.ts';

export type EntryOf<K extends LedgerEntry['kind']> = Extract<LedgerEntry, { kind: K }>;

/** How resources of one kind are undone. */
export interface Undo<K extends LedgerEntry['kind']> {
  /** In the post step, no request for this kind starts later than this, in ms after the start of the step. */
  deadline: number;
  /**
   * Idempotent. An image that turns out to be finished is kept and returned.
   * @throws CloudError when it could not be undone
   */
  undo(made: EntryOf<K>, context: UndoContext): Promise<RegionalImage | undefined>;
  /** Says what may still exist, with the command that removes it. */
  byHand(made: EntryOf<K>, bucket: string): string;
}

/** Quotes an argument for a shell, if it needs quotes. */
export const quoted = (text: string): string =>
  /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
export const removeCommand = (bucket: string, key: string): string => `ossutil rm ${quoted(`oss://${bucket}/${key}`)}`;
