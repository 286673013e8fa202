import { listAt, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';

export interface Task {
  id: string;
  imageId: string;
  /** Waiting, Processing, Finished, Failed, Deleted or Paused. */
  status: string;
  cancellable: boolean;
}

/** Import tasks of the region: those of the ids, or all that are not over. */
export async function findTasks(ecs: Rpc, ids?: string): Promise<Task[]> {
  const found: Task[] = [];
  for (let page = 1; ; page += 1) {
    const answer = await ecs('DescribeTasks', {
      TaskIds: ids,
      TaskAction: ids === undefined ? 'ImportImage' : undefined,
      TaskStatus: ids === undefined ? 'Processing' : undefined,
      PageNumber: page,
      PageSize: 100,
    });
    const tasks = listAt(answer, 'TaskSet', 'Task').map((task) => ({
      id: textAt(task, 'TaskId') ?? '',
      imageId: textAt(task, 'ResourceId') ?? '',
      status: textAt(task, 'TaskStatus') ?? '',
      cancellable: textAt(task, 'SupportCancel') !== 'false',
    }));
    found.push(...tasks);
    if (tasks.length < 100) return found;
  }
}

export interface TaskProgress {
  /** Such as `37%`. */
  process: string;
  /** Why it failed: only this call tells. */
  error?: { code: string; message: string };
}

/** How far a task is and, where it failed, why. */
export async function describeTask(ecs: Rpc, id: string): Promise<TaskProgress> {
  const answer = await ecs('DescribeTaskAttribute', { TaskId: id });
  const failed = listAt(answer, 'OperationProgressSet', 'OperationProgress').find((one) => textAt(one, 'ErrorCode'));
  return {
    process: textAt(answer, 'TaskProcess') ?? '',
    ...(failed !== undefined && {
      error: { code: textAt(failed, 'ErrorCode') ?? '', message: textAt(failed, 'ErrorMsg') ?? '' },
    }),
  };
}
