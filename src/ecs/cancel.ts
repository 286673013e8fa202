import type { Log } from '../cloud/log.ts';
import { CloudError, succeeds } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImage, isFailed, isFinished, LISTING_LAG, type Image } from './images.ts';
import { importTask } from './tasks.ts';

/** An image that is being made, known by id, or by name and mark. */
export interface ToCancel {
  name: string;
  id?: string | undefined;
  taskId?: string | undefined;
  /** Whether it is a copy, which has no import task; undefined if only the list of tasks can tell. */
  copy?: boolean | undefined;
  /** Mark of the execution that made it. */
  mark: string;
}

/**
 * Cancels an import or a copy and deletes the failed image that remains. Idempotent; never deletes a finished image.
 * @param deadline - ms since the epoch
 * @returns the image if it is finished, undefined when nothing is left
 * @throws CloudError `CancelPending` when the image still exists at the deadline
 */
export async function cancelImport(ecs: Rpc, log: Log, made: ToCancel, deadline: number): Promise<Image | undefined> {
  const started = now();
  const known: { image?: Image; asked: boolean } = { asked: false };
  const look = async (): Promise<{ image?: Image } | undefined> => {
    const image = await findImage(ecs, { ...made, id: known.image?.id ?? made.id });
    const id = image?.id ?? known.image?.id ?? made.id;
    if (image === undefined && (known.image !== undefined || now() - started > LISTING_LAG)) return {};
    if (image !== undefined) known.image = image;
    if (image !== undefined && isFinished(image)) return { image };
    if (image !== undefined && isFailed(image)) await remove(ecs, log, image);
    else if (id !== undefined) known.asked ||= await cancel(ecs, log, id, made);
    return undefined;
  };
  const end = await poll({ first: 2_000, slowest: 5_000, deadline }, look);
  if (end !== undefined) return end.image;
  const { id = made.name, status = 'not visible yet' } = known.image ?? {};
  const text = `image ${id} is still ${status}${known.asked ? ', although ECS accepted its cancellation' : ''}`;
  throw new CloudError('ecs:CancelTask', 'CancelPending', text);
}

const ENDED = /^(InvalidTaskId|CancelTaskFailed|IncorrectImageStatus|InvalidImageId\.NotFound|InvalidImageStatus)/;

/** Cancels the import task or the copy. @returns whether ECS accepted it */
async function cancel(ecs: Rpc, log: Log, imageId: string, { copy, taskId }: ToCancel): Promise<boolean> {
  const task = copy ? undefined : (taskId ?? (await importTask(ecs, imageId)));
  if (copy === false && task === undefined) return false;
  const call = task === undefined ? ecs('CancelCopyImage', { ImageId: imageId }) : ecs('CancelTask', { TaskId: task });
  // It may have just ended, or may not be cancellable now: the next look at the image decides.
  const cancelled = await succeeds(call, ENDED);
  if (cancelled) log.info(`Cancelled the ${task === undefined ? 'copy' : `import task ${task} of image`} ${imageId}.`);
  return cancelled;
}

async function remove(ecs: Rpc, log: Log, image: Image): Promise<void> {
  // It may be gone already, or not deletable yet: the next look decides.
  const deleted = await succeeds(ecs('DeleteImage', { ImageId: image.id }), /^(InvalidImageId\.NotFound|ImageIs\w+)$/);
  if (deleted) log.info(`Deleted image ${image.id} (${image.status}).`);
}
