import type { Log } from '../cloud/door.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, isOurs, type Image } from './images.ts';
import { findTasks } from './tasks.ts';

/** An import to take back: known by id, or by one of its possible names and our tag. */
export interface ToCancel {
  names: string[];
  id?: string | undefined;
  taskId?: string | undefined;
  /** `<repository>/<run id>`. */
  run: string;
}

/** How long a listing may lag behind an import whose answer was lost, in ms. */
const LISTING_LAG = 8_000;

/**
 * Cancels an import that is under way and removes what it leaves. Idempotent; a finished image is never undone.
 * @param deadline - ms since the epoch
 * @returns the image when it is Available and stays, undefined when nothing is left
 * @throws CloudError `CancelPending` when it is still there at the deadline
 */
export async function cancelImport(ecs: Rpc, log: Log, made: ToCancel, deadline: number): Promise<Image | undefined> {
  const started = now();
  let known: string | undefined = made.id;
  let asked = false;
  const look = async (): Promise<{ image?: Image } | undefined> => {
    const image = await find(ecs, made, known);
    if (image === undefined) return known !== undefined || now() - started > LISTING_LAG ? {} : undefined;
    known = image.id;
    if (image.status === 'Available' || image.status === 'Deprecated') return { image };
    if (/^(CreateFailed|UnAvailable)$/.test(image.status)) await remove(ecs, log, image);
    else if (!asked) asked = await cancel(ecs, log, image, made.taskId);
    return undefined;
  };
  const end = await poll({ first: 2_000, slowest: 5_000, deadline }, look);
  if (end === undefined)
    throw new CloudError('ecs:CancelTask', 'CancelPending', `image ${known ?? made.names[0] ?? ''} is still there`);
  return end.image;
}

async function find(ecs: Rpc, made: ToCancel, id: string | undefined): Promise<Image | undefined> {
  if (id !== undefined) return (await findImages(ecs, { id }))[0];
  for (const name of made.names) {
    const ours = (await findImages(ecs, { name })).find((image) => isOurs(image, made.run));
    if (ours !== undefined) return ours;
  }
  return undefined;
}

/** Asks for the end of the task behind an image; says whether that was accepted. */
async function cancel(ecs: Rpc, log: Log, image: Image, taskId: string | undefined): Promise<boolean> {
  const task = taskId ?? (await findTasks(ecs)).find(({ imageId }) => imageId === image.id)?.id;
  if (task === undefined) return false;
  try {
    await ecs('CancelTask', { TaskId: task });
    log.info(`Cancelled the import task ${task} of image ${image.id}.`);
    return true;
  } catch (error) {
    // The task has just ended by itself, or cannot be cancelled at this moment: the next look at the image decides.
    if (error instanceof CloudError && /^(InvalidTaskId|CancelTaskFailed)/.test(error.code)) return false;
    throw error;
  }
}

async function remove(ecs: Rpc, log: Log, image: Image): Promise<void> {
  try {
    await ecs('DeleteImage', { ImageId: image.id });
    log.info(`Deleted image ${image.id} (${image.status}).`);
  } catch (error) {
    // Not listed any more, or not yet deletable: the next look decides.
    if (!(error instanceof CloudError) || !/^(InvalidImageId\.NotFound|ImageIs\w+)$/.test(error.code)) throw error;
  }
}
