import { listAt, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { entries } from './pages.ts';

/** Status of a task: Waiting, Processing, Finished, Failed, Deleted or Paused; undefined if it is not listed. */
export async function statusOf(ecs: Rpc, id: string): Promise<string | undefined> {
  const answer = await ecs('DescribeTasks', { TaskIds: id, PageNumber: 1, PageSize: 100 });
  const task = listAt(answer, 'TaskSet', 'Task').find((one) => textAt(one, 'TaskId') === id);
  return textAt(task, 'TaskStatus');
}

/** Id of the import task of an image, whatever its status. */
export async function importTask(ecs: Rpc, imageId: string): Promise<string | undefined> {
  for await (const task of entries(ecs, 'DescribeTasks', { TaskAction: 'ImportImage' }, 'TaskSet', 'Task')) {
    if (textAt(task, 'ResourceId') === imageId) return textAt(task, 'TaskId');
  }
  return undefined;
}

/** Why a task failed; undefined if it did not. No other call returns the reason. */
export async function taskError(ecs: Rpc, id: string): Promise<{ code: string; message: string } | undefined> {
  const answer = await ecs('DescribeTaskAttribute', { TaskId: id });
  const failed = listAt(answer, 'OperationProgressSet', 'OperationProgress').find((one) => textAt(one, 'ErrorCode'));
  if (failed === undefined) return undefined;
  return { code: textAt(failed, 'ErrorCode') ?? '', message: textAt(failed, 'ErrorMsg') ?? '' };
}
