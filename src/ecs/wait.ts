import type { Log } from '../cloud/log.ts';
import { CloudError, excerpt, hasCode } from '../cloud/errors.ts';
import { isTransient } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { imageById, isFailed, type Image } from './images.ts';
import type { Started } from './import.ts';
import { importTask, statusOf, taskError } from './tasks.ts';

const LOST_TASK = /^(Failed|Deleted)$/;
/** A new image may not be listed yet; after this time without it, in ms, it counts as deleted. */
const GONE = 180_000;
/** Longest wait for the reason of a failed import, in ms. */
const REASON = 20_000;

/**
 * Waits until an image is Available; a failed image or a failed task ends the wait at once. A failed query is not a failed
 * import: it is logged and repeated.
 * @param timeout - longest wait, in ms
 * @throws CloudError `WaitTimedOut`; the reason that the task gives; a failure that repeating the query cannot cure, such
 * as a missing right
 */
export async function waitForImage(
  { ecs, log, timeout }: { ecs: Rpc; log: Log; timeout: number },
  { imageId, taskId }: Started,
): Promise<Image> {
  const started = now();
  let missing: number | undefined;
  let logged = '';
  const look = async (): Promise<Image | undefined> => {
    const image = await imageById(ecs, imageId);
    const looked = now();
    missing = image === undefined ? (missing ?? looked) : undefined;
    const ready = image?.status === 'Available';
    // Where the task cannot be queried, the status of the image is enough.
    const task = ready || taskId === undefined ? undefined : await statusOf(ecs, taskId).catch(() => undefined);
    const state = [image?.status ?? 'not visible yet', image?.progress, task && `import task ${task}`]
      .filter(Boolean)
      .join(', ');
    if (state !== logged) log.info(`Image ${imageId}: ${state}.`);
    logged = state;
    if (ready) return image;
    if (LOST_TASK.test(task ?? '') || (image !== undefined && isFailed(image)) || looked - (missing ?? looked) > GONE) {
      throw await failure(ecs, { imageId, taskId }, task, image?.status);
    }
    return undefined;
  };
  const patiently = async () => {
    try {
      return await look();
    } catch (error) {
      if (error instanceof ImportFailed || !(isTransient(error) || hasCode(error, 'UnexpectedAnswer'))) throw error;
      log.info(`Could not query the image (${error.code}: ${error.message}); the import continues. Trying again.`);
      return undefined;
    }
  };
  const image = await poll({ first: 3_000, slowest: 15_000, deadline: started + timeout }, patiently);
  if (image !== undefined) return image;
  const task = taskId === undefined ? '' : `, its import task is ${taskId}`;
  const text = `image ${imageId} is not Available after ${Math.round(timeout / 60_000)} min${task}`;
  throw new CloudError('ecs:DescribeImages', 'WaitTimedOut', text);
}

class ImportFailed extends CloudError {}

async function failure(
  ecs: Rpc,
  { imageId, taskId }: Started,
  task: string | undefined,
  status: string | undefined,
): Promise<CloudError> {
  const id = taskId ?? (await importTask(ecs, imageId).catch(() => undefined));
  // The image may be marked as failed a moment before its task gives the reason.
  const ask = async () => (id === undefined ? undefined : taskError(ecs, id).catch(() => undefined));
  const deadline = id === undefined || task === 'Deleted' ? 0 : now() + REASON;
  const reason = await poll({ first: 2_000, slowest: 5_000, deadline }, ask);
  const operation = id === undefined ? 'ecs:DescribeImages' : 'ecs:ImportImage';
  const failed = (code: string, text: string) => new ImportFailed(operation, code, `image ${imageId}${text}`);
  if (reason !== undefined) return failed(reason.code, `: ${excerpt(reason.message)}`);
  if (task === 'Deleted') return failed('ImportCancelled', ': its import task was cancelled');
  if (status === undefined) return failed('ImageGone', ' no longer exists');
  return failed('ImageCreateFailed', ` is ${status}${id === undefined ? '' : `, its import task is ${id}`}`);
}
