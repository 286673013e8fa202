import { callWhile } from '../cloud/again.ts';
import { textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { imageIdFrom, type NewImage } from './images.ts';
import { importTask } from './tasks.ts';

/** An import or a copy that is in progress. */
export interface Started {
  imageId: string;
  /** Only of an import, and only if it is known. */
  taskId?: string | undefined;
}

/** ECS may not see an object that OSS has just stored (undocumented). Without this wait the whole upload would be wasted. */
const NOT_SEEN_YET = { code: /^InvalidOSS(Object|Bucket)\.NotFound$/, patience: 60_000, first: 2_000, slowest: 10_000 };

/**
 * Starts the import of staged objects, once: the image of a try whose answer was lost is found by ClientToken or mark.
 * https://help.aliyun.com/document_detail/25542.html
 * @throws CloudError with the service's code
 */
export async function startImport(ecs: Rpc, image: NewImage): Promise<Started> {
  let taskId: string | undefined;
  const call = async () => {
    const answer = await callWhile(NOT_SEEN_YET, () => ecs('ImportImage', image.params));
    taskId = textAt(answer, 'TaskId');
    return answer;
  };
  const imageId = await imageIdFrom('ecs:ImportImage', call, ecs, image);
  return { imageId, taskId: taskId ?? (await importTask(ecs, imageId).catch(() => undefined)) };
}
