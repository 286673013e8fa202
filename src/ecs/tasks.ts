import { listAt, textAt } from '../cloud/json.ts';
import type { Json, Rpc } from '../cloud/rpc.ts';

export interface Task {
  id: string;
  imageId: string;
  /** Waiting, Processing, Finished, Failed, Deleted or Paused. */
  status: string;
}

/** A task by its id. */
export async function findTask(ecs: Rpc, id: string): Promise<Task | undefined> {
  return tasksOn(await ecs('DescribeTasks', { TaskIds: id, PageNumber: 1, PageSize: 100 }))[0];
}

/** Id of the import task behind an image, whatever its state. */
export async function importTask(ecs: Rpc, imageId: string): Promise<string | undefined> {
  for (let page = 1; ; page += 1) {
    const tasks = tasksOn(await ecs('DescribeTasks', { TaskAction: 'ImportImage', PageNumber: page, PageSize: 100 }));
    const found = tasks.find((task) => task.imageId === imageId);
    if (found !== undefined || tasks.length < 100) return found?.id;
  }
}

function tasksOn(page: Json): Task[] {
  return listAt(page, 'TaskSet', 'Task').map((task) => ({
    id: textAt(task, 'TaskId') ?? '',
    imageId: textAt(task, 'ResourceId') ?? '',
    status: textAt(task, 'TaskStatus') ?? '',
  }));
}

/** Why a task failed, which only this call tells; undefined where it has not. */
export async function taskError(ecs: Rpc, id: string): Promise<{ code: string; message: string } | undefined> {
  const answer = await ecs('DescribeTaskAttribute', { TaskId: id });
  const failed = listAt(answer, 'OperationProgressSet', 'OperationProgress').find((one) => textAt(one, 'ErrorCode'));
  if (failed === undefined) return undefined;
  return { code: textAt(failed, 'ErrorCode') ?? '', message: textAt(failed, 'ErrorMsg') ?? '' };
}
