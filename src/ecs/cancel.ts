import type { Log } from '../cloud/door.ts';
import { CloudError, succeeds } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, isOurs, LISTING_LAG, type Image } from './images.ts';
import { importTask } from './tasks.ts';

/** An import to take back: known by id, or by its name and our tag. */
export interface ToCancel {
  name: string;
  id?: string | undefined;
  taskId?: string | undefined;
  /** Whether it is a copy, which has no task. */
  copy?: boolean | undefined;
  /** `<repository>/<run id>`. */
  run: string;
}

/**
 * Cancels an import that is under way and removes what it leaves. Idempotent; a finished image is never undone.
 * @param deadline - ms since the epoch
 * @returns the image when it is Available and stays, undefined when nothing is left
 * @throws CloudError `CancelPending` when it is still there at the deadline
 */
export async function cancelImport(ecs: Rpc, log: Log, made: ToCancel, deadline: number): Promise<Image | undefined> {
  const started = now();
  const known: { image?: Image; asked: boolean } = { asked: false };
  const look = async (): Promise<{ image?: Image } | undefined> => {
    const image = await find(ecs, made, known.image?.id ?? made.id);
    if (image === undefined && (known.image !== undefined || now() - started > LISTING_LAG)) return {};
    if (image !== undefined) known.image = image;
    const { id = made.id, status = '' } = image ?? {};
    if (/^(Available|Deprecated)$/.test(status)) return known;
    if (image !== undefined && /^(CreateFailed|UnAvailable)$/.test(status)) await remove(ecs, log, image);
    else if (id !== undefined) known.asked ||= await cancel(ecs, log, id, made);
    return undefined;
  };
  const end = await poll({ first: 2_000, slowest: 5_000, deadline }, look);
  if (end !== undefined) return end.image;
  const { id = made.name, status = 'not listed' } = known.image ?? {};
  const text = `image ${id} is still ${status}${known.asked ? ', its import task is being cancelled' : ''}`;
  throw new CloudError('ecs:CancelTask', 'CancelPending', text);
}

async function find(ecs: Rpc, made: ToCancel, id: string | undefined): Promise<Image | undefined> {
  if (id !== undefined) return (await findImages(ecs, { id }))[0];
  return (await findImages(ecs, { name: made.name })).find((image) => isOurs(image, made.run));
}

const ENDED = /^(InvalidTaskId|CancelTaskFailed|IncorrectImageStatus|InvalidImageId\.NotFound|InvalidImageStatus)/;

/** Asks for the end of the task behind an image; says whether that was accepted. */
async function cancel(ecs: Rpc, log: Log, imageId: string, { copy, taskId }: ToCancel): Promise<boolean> {
  const task = copy ? undefined : (taskId ?? (await importTask(ecs, imageId)));
  if (!copy && task === undefined) return false;
  const call = copy ? ecs('CancelCopyImage', { ImageId: imageId }) : ecs('CancelTask', { TaskId: task });
  // It may just have ended by itself, or not be cancellable at this moment: the next look at the image decides.
  const cancelled = await succeeds(call, ENDED);
  if (cancelled) log.info(`Cancelled the ${copy ? 'copy' : `import task ${task ?? ''} of image`} ${imageId}.`);
  return cancelled;
}

async function remove(ecs: Rpc, log: Log, image: Image): Promise<void> {
  // It may be gone, or not yet deletable: the next look decides.
  const deleted = await succeeds(ecs('DeleteImage', { ImageId: image.id }), /^(InvalidImageId\.NotFound|ImageIs\w+)$/);
  if (deleted) log.info(`Deleted image ${image.id} (${image.status}).`);
}
