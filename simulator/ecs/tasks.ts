import type { RpcCall } from '../call.ts';
import type { RpcHandlers } from '../table.ts';
import { isoSeconds } from '../clock.ts';
import type { Task } from '../entities.ts';
import { fail } from '../errors.ts';
import { shape } from '../shape.ts';
import { paged } from './images.ts';
import { own } from './values.ts';

export const TASKS: RpcHandlers = {
  DescribeTasks: (call) => {
    const { TaskIds: ids, TaskAction: action } = call.params;
    const fitting = own(call, call.world.tasks).filter(
      (task) => (!ids || ids.split(',').includes(task.id)) && (!action || task.action === action),
    );
    return paged(call.params, fitting, (page) => ({ RegionId: call.region, TaskSet: { Task: page.map(describe) } }));
  },
  DescribeTaskAttribute: (call) => attributes(call.region, ownTask(call)),
  CancelTask: (call) => {
    const task = ownTask(call);
    if (task.status !== 'Processing' && task.status !== 'Waiting') fail('InvalidTaskId.IncorrectTaskStatus');
    task.cancelled ??= call.now;
    return {};
  },
};

function ownTask(call: RpcCall): Task {
  return own(call, call.world.tasks).find(({ id }) => id === call.params.TaskId) ?? fail('InvalidTaskId.NotFound');
}

function describe(task: Task): object {
  const text = 'TaskId=id TaskAction=action TaskStatus=status ResourceId=imageId SupportCancel:true';
  return { ...shape(text, task), CreationTime: isoSeconds(task.begun) };
}

function attributes(region: string, task: Task): object {
  const failed = task.status === 'Failed';
  const operation = {
    OperationStatus: failed ? 'Failed' : task.status === 'Finished' ? 'Success' : 'Processing',
    ErrorCode: failed ? task.failure?.code : '',
    ErrorMsg: failed ? task.failure?.message : '',
  };
  return {
    ...describe(task),
    RegionId: region,
    TaskProcess: `${task.progress}%`,
    OperationProgressSet: { OperationProgress: [operation] },
  };
}
