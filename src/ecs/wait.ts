import type { Log } from '../cloud/door.ts';
import { CloudError, isDenied } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, type Image } from './images.ts';
import type { Import } from './import.ts';
import { describeTask, findTasks } from './tasks.ts';

const LOST_TASK = /^(Failed|Deleted)$/;
const LOST_IMAGE = /^(CreateFailed|UnAvailable)$/;
/** An image that was just made may not be listed yet; one that is not listed for so long is gone, in ms. */
const GONE = 180_000;

/** What a wait is about, for the log and for errors. */
export interface Waiting {
  ecs: Rpc;
  log: Log;
  /** Longest wait, in ms. */
  timeout: number;
}

/**
 * Waits until an image is Available, watching image and task, whichever speaks first.
 * A failed look is not a failed import: it is logged, and the next look decides.
 * @throws CloudError `WaitTimedOut`, or the task's own reason
 */
export async function waitForImage(waiting: Waiting, { imageId, taskId }: Import): Promise<Image> {
  const { ecs, log, timeout } = waiting;
  const started = now();
  let seen = started;
  let told = '';
  let blind = false;
  const deny = () => {
    blind = true;
  };
  const look = async (): Promise<Image | undefined> => {
    const [image] = await findImages(ecs, { id: imageId });
    const task = taskId === undefined || blind ? undefined : await taskOr(ecs, taskId, deny);
    if (image !== undefined) seen = now();
    const state = [image?.status ?? 'not listed', image?.progress, task && `task ${task.status}`]
      .filter(Boolean)
      .join(', ');
    if (state !== told) log.info(`Image ${imageId}: ${state}.`);
    told = state;
    if (image?.status === 'Available') return image;
    if (LOST_TASK.test(task?.status ?? '') || LOST_IMAGE.test(image?.status ?? '') || now() - seen > GONE) {
      throw await failure(ecs, imageId, taskId, image?.status ?? 'gone');
    }
    return undefined;
  };
  const patience = { first: 10_000, slowest: 30_000, deadline: started + timeout };
  const patiently = async () => {
    try {
      return await look();
    } catch (error) {
      if (error instanceof ImportFailed || !(error instanceof CloudError) || isDenied(error)) throw error;
      log.info(`Could not look (${error.code}: ${error.message}); the import goes on, looking again.`);
      return undefined;
    }
  };
  const image = await poll(patience, patiently);
  if (image !== undefined) return image;
  const minutes = Math.round(timeout / 60_000);
  throw new CloudError('ecs:DescribeImages', 'WaitTimedOut', `image ${imageId} is not Available after ${minutes} min`);
}

/** The task, or undefined (and `deny` called) where the right to see them is missing: the image alone tells enough. */
async function taskOr(ecs: Rpc, taskId: string, deny: () => void) {
  try {
    return (await findTasks(ecs, taskId))[0];
  } catch (error) {
    if (!isDenied(error)) throw error;
    deny();
    return undefined;
  }
}

class ImportFailed extends CloudError {}

async function failure(ecs: Rpc, imageId: string, taskId: string | undefined, status: string): Promise<CloudError> {
  const reason = taskId === undefined ? undefined : (await describeTask(ecs, taskId).catch(() => undefined))?.error;
  const text = reason?.message ?? `the image is ${status}; the service gives no reason`;
  return new ImportFailed('ecs:ImportImage', reason?.code ?? `Image${status}`, `image ${imageId}: ${text}`);
}
