import { now } from '../../cloud/time.ts';
import { cancelImport } from '../../ecs/cancel.ts';
import { ecsCommand } from '../../ecs/command.ts';
import { deleteIntermediate } from '../../ecs/delete.ts';
import { findImage, isBeingMade, type Image } from '../../ecs/images.ts';
import { takeName } from '../../ecs/name.ts';
import { temporaryName } from '../../ecs/names.ts';
import type { RegionalImage, UndoContext } from '../context.ts';
import type { ImageEntry } from '../ledger.ts';
import type { Undo } from './kind.ts';

/** Longest time until a cancelled image is gone, in ms. */
const PATIENCE = 150_000;

/** Cancels an image that is being made; a finished one is kept and gets its name, an intermediate one is deleted. */
export const image: Undo<'image'> = {
  deadline: PATIENCE,
  async undo(made, context) {
    const { clients, log } = context;
    const ecs = clients.ecsIn(made.region);
    if (made.madeBy === 'copy' && (await isBeingCopied(made, context))) return undefined;
    const patience = Math.min(now() + PATIENCE, clients.deadline.at);
    const copy = made.madeBy !== 'import';
    const finished = await cancelImport(ecs, log, { ...made, copy }, patience);
    if (finished !== undefined && !made.intermediate) return named(made, finished, context);
    if (finished !== undefined) await deleteIntermediate(ecs, log, finished);
    return undefined;
  },
  byHand({ region, name, wants, id, taskId, madeBy }) {
    const one = `--ImageId ${id ?? '<id>'}`;
    const find = ecsCommand(region, 'DescribeTasks', '--TaskAction ImportImage');
    const task = taskId === undefined ? find : ecsCommand(region, 'CancelTask', `--TaskId ${taskId}`);
    const cancel = madeBy === 'import' ? task : ecsCommand(region, 'CancelCopyImage', one);
    const rename = ecsCommand(region, 'ModifyImageAttribute', `${one} --ImageName ${wants}`);
    const remove = ecsCommand(region, 'DeleteImage', one);
    const what = `Image ${id ?? name} may still exist, unfinished or without its name`;
    return `${what}. To cancel it: ${cancel}; to name it: ${rename}; to delete it: ${remove}`;
  },
};

/** A copy in progress is not cancelled, as its source is a finished image: a re-run of the job adopts it. */
async function isBeingCopied(made: ImageEntry, { clients, log }: UndoContext): Promise<boolean> {
  const found = await findImage(clients.ecsIn(made.region), made);
  if (found === undefined || !isBeingMade(found)) return false;
  log.info(`The copy ${found.id} in ${made.region} is still being made; it is not cancelled.`);
  return true;
}

async function named(made: ImageEntry, finished: Image, { clients, log }: UndoContext): Promise<RegionalImage> {
  const { region, wants, mark } = made;
  log.info(`Image ${finished.id} is finished and is kept.`);
  if (finished.name !== made.name || finished.name === wants) return { ...finished, region };
  const wanted = { ecs: clients.ecsIn(region), log, region, name: wants, temporary: temporaryName(wants, mark) };
  const { name } = await takeName({ ...wanted, timeout: 0 }, finished.id);
  return { ...finished, region, name };
}
