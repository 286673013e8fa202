import { unlink } from 'node:fs/promises';
import { hasCode, textOf } from '../cloud/errors.ts';
import { DiskError, givenName } from '../disk/disk.ts';
import { assertUnchanged } from '../disk/inspect.ts';
import { shellQuote } from '../disk/text.ts';
import { isBeingMade } from '../ecs/images.ts';
import type { Context } from './context.ts';
import type { Plan } from './preflight.ts';
import { entryOf } from './start.ts';
import { undoneAfter, type Ending } from './undo/endings.ts';
import { undoAll } from './undo/undo.ts';

export const endingOf = (failure: unknown): Ending =>
  failure === undefined ? 'success' : hasCode(failure, 'WaitTimedOut') ? 'timeout' : 'failure';

/** Undoes what has to be undone after this ending. What cannot be undone stays in the ledger for the post step. */
export async function cleanUp(context: Context, ending: Ending) {
  const { ledger, log, me, request } = context;
  const all = ledger.made();
  const undone = undoneAfter(ending, all, { skipClean: request.skipClean, me });
  const { leftovers, finished } = await undoAll(context, undone);
  const left = new Set(leftovers.map(({ made }) => made));
  ledger.forget(...all.filter((made) => !left.has(made)));
  for (const { text } of leftovers) log.info(`The post step tries this again. ${text}`);
  return { images: finished, leftovers: leftovers.map(({ text }) => text) };
}

/** Removes what earlier attempts left when the check ends the run, unless a later attempt can resume their import. */
export async function cleanUpAfterRefusal(context: Context, { left, targets }: Plan): Promise<void> {
  if (targets.some(({ adopt }) => adopt !== undefined && isBeingMade(adopt))) return;
  const images = targets.flatMap((target) => {
    const plain = target.intermediate && target.adopt !== undefined ? [target.adopt] : [];
    return [...target.cancel, ...plain].map((image) => entryOf(context, target, image));
  });
  if (left.length + images.length === 0) return;
  for (const made of [...left, ...images]) context.ledger.record(made);
  await context.log.group('Clean up', () => cleanUp(context, 'failure'));
}

/** Deletes the files that `path` and `data_disk_paths` name, if they are still the files that were imported. */
export async function deleteInput({ disks, log }: Context): Promise<void> {
  for (const disk of disks) {
    const path = givenName(disk);
    try {
      await assertUnchanged(disk.container ?? disk);
      await unlink(path);
      log.info(`Deleted ${path} (keep_input_artifact: false).`);
    } catch (error) {
      const reason = error instanceof DiskError ? 'it has changed since it was read' : textOf(error);
      log.warning(`${path} was not deleted (${reason}). Remove it: rm ${shellQuote(path)}`);
    }
  }
}
