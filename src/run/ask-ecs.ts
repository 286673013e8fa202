import { CloudError, hasCode } from '../cloud/errors.ts';
import { isTransient } from '../cloud/retry.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { isBeingMade } from '../ecs/images.ts';
import { asideName, temporaryName } from '../ecs/names.ts';
import { ROLE_INCOMPLETE } from '../ecs/role.ts';
import type { Context } from './context.ts';
import type { ImagePlan } from './plan-images.ts';
import { stagingKeys } from './keys.ts';
import { markText } from './ownership.ts';
import { importParams } from './parameters.ts';

/**
 * ECS answers a dry run that passes with an error of one of these codes
 * (https://help.aliyun.com/document_detail/25542.html). Object and bucket may not exist yet.
 */
const PASSED = /^(DryRunOperation|DRYRUN\.SUCCESS|InvalidOSS(Object|Bucket)\.NotFound)$/i;

/** Finds refusals before the upload, by dry runs of the import and of the rename of the image that holds the name. */
export async function askEcs(context: Context, plan: ImagePlan): Promise<CloudError[]> {
  const { request, disks, me, clients, log } = context;
  const [first] = plan.targets;
  const asked: Promise<CloudError | undefined>[] = [];
  if (first?.kind === 'import' && first.adopt === undefined) {
    const staged = stagingKeys(request, disks, me).map(({ key }) => ({ key, etag: '', versionId: undefined }));
    // By the time of the import, the name will be free or the import will use a temporary one.
    const isFree = first.holder === undefined && first.cancel.length === 0 && !request.forceDelete;
    const name = isFree ? first.name : temporaryName(first.name, markText(me));
    const params = importParams(context, first, { staged, sums: [] }, name);
    const asking = refusal(clients.ecs, 'ImportImage', { ...params, ClientToken: undefined }, log);
    // The action itself completes the default role.
    const isCompleted = (error?: CloudError) => request.importRole === undefined && hasCode(error, ROLE_INCOMPLETE);
    asked.push(asking.then((error) => (isCompleted(error) ? undefined : error)));
  }
  for (const { holder, region, name } of plan.targets) {
    if (!request.forceDelete || holder === undefined || isBeingMade(holder)) continue;
    const rename = { ImageId: holder.id, ImageName: asideName(name, holder.id) };
    asked.push(refusal(clients.ecsIn(region), 'ModifyImageAttribute', rename, log));
  }
  return (await Promise.all(asked)).filter((one) => one !== undefined);
}

/** The error of a dry run; undefined if the call would pass, or if that cannot be found out. */
async function refusal(ecs: Rpc, action: string, params: Params, log: Context['log']): Promise<CloudError | undefined> {
  try {
    await ecs(action, { ...params, DryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (PASSED.test(error.code)) return undefined;
    if (!isTransient(error)) return error;
    log.warning(`Not checked: whether ECS would take the request (${error.operation}: ${error.code}).`);
    return undefined;
  }
}
