import { CloudError, hasCode, textOf } from '../../cloud/errors.ts';
import type { RegionalImage, UndoContext } from '../context.ts';
import type { LedgerEntry } from '../ledger.ts';
import { image } from './image.ts';
import type { Undo } from './kind.ts';
import { object } from './object.ts';
import { replaced } from './replaced.ts';
import { role } from './role.ts';
import { upload } from './upload.ts';
import { zeros } from './zeros.ts';

/** In the order of undoing: objects after images, because an import may be reading them. */
const KINDS: { [K in LedgerEntry['kind']]: Undo<K> } = { upload, zeros, image, replaced, object, role };

/** Something that could not be undone, and a text with the command that does it. */
export interface Leftover {
  made: LedgerEntry;
  text: string;
}

export interface Undone {
  leftovers: Leftover[];
  /** Images that turned out to be finished and were kept. */
  finished: RegionalImage[];
}

/**
 * Undoes entries of the ledger, within a kind the last one first, because an image is deleted after its copies. Idempotent;
 * failures are returned, never thrown.
 * @param began - start of the post step, in ms since the epoch; the deadlines end it within four minutes, because the runner
 * ends it after five
 */
export async function undoAll(context: UndoContext, made: LedgerEntry[], began?: number): Promise<Undone> {
  const result: Undone = { leftovers: [], finished: [] };
  for (const kind of Object.keys(KINDS) as LedgerEntry['kind'][]) {
    const way = KINDS[kind] as Undo<typeof kind>;
    if (began !== undefined) context.clients.deadline.at = began + way.deadline;
    // The last one first: an image cannot be deleted while a copy of it is being made.
    for (const one of made.filter((some) => some.kind === kind).toReversed()) {
      try {
        const finished = await way.undo(one, context);
        if (finished !== undefined) result.finished.push(finished);
      } catch (error) {
        // Without the bucket, nothing in it exists.
        if (hasCode(error, 'NoSuchBucket')) continue;
        const reason = error instanceof CloudError ? `${error.code}: ${error.message}` : textOf(error);
        result.leftovers.push({
          made: one,
          text: `Not cleaned up (${reason}). ${byHand(one, context.request.bucket)}`,
        });
      }
    }
  }
  return result;
}

/** Says what may still exist, with the command that removes it. */
export const byHand = (made: LedgerEntry, bucket: string): string =>
  (KINDS[made.kind] as Undo<typeof made.kind>).byHand(made, bucket);
