import { CloudError, hasCode } from '../cloud/errors.ts';
import { passes } from '../cloud/retry.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { isBeingMade } from '../ecs/images.ts';
import { importParams } from '../ecs/import.ts';
import { asideName, temporaryName } from '../ecs/names.ts';
import { ROLE_INCOMPLETE } from '../ecs/role.ts';
import type { Context } from './context.ts';
import type { ImagePlan } from './plan-images.ts';
import { stagingKeys } from './keys.ts';
import { markText } from './ownership.ts';
import { imageNameFor, importSpec } from './start.ts';

/**
 * A dry run that passes is answered with an error of one of these codes
 * (https://help.aliyun.com/document_detail/25542.html); without the object or the role it can tell no more.
 */
const PASSED =
  /^(DryRunOperation|DRYRUN\.SUCCESS|InvalidOSSObject\.NotFound|InvalidOSSBucket\.NotFound|NoSetRole\w+)$/i;

/**
 * Asks ECS by dry runs whether it would take the import and let the image that holds the name be renamed: what it refuses
 * is known before the upload.
 */
export async function askEcs(context: Context, plan: ImagePlan): Promise<CloudError[]> {
  const { request, disks, me, clients, log } = context;
  const [first] = plan.targets;
  const asked: Promise<CloudError | undefined>[] = [];
  if (first?.kind === 'import' && first.adopt === undefined) {
    const staged = stagingKeys(request, disks, me).map((key) => ({ key, etag: '', versionId: undefined }));
    // The name of an image that is cancelled first is free by then; a forced run imports beside whatever has the name.
    const name =
      request.forceDelete || first.cancel.length > 0
        ? temporaryName(first.name, markText(me))
        : imageNameFor(context, first);
    const spec = importSpec(context, first, { staged, sums: [] }, name);
    const asking = refusal(clients.ecs, 'ImportImage', { ...importParams(spec), ClientToken: undefined }, log);
    // An incomplete role of the default name is completed before the import.
    const isCured = (error?: CloudError) => request.importRole === undefined && hasCode(error, ROLE_INCOMPLETE);
    asked.push(asking.then((error) => (isCured(error) ? undefined : error)));
  }
  for (const { holder, region, name } of plan.targets) {
    if (holder === undefined || isBeingMade(holder)) continue;
    const rename = { ImageId: holder.id, ImageName: asideName(name, holder.id) };
    asked.push(refusal(clients.ecsIn(region), 'ModifyImageAttribute', rename, log));
  }
  return (await Promise.all(asked)).filter((one) => one !== undefined);
}

/** What ECS answers to a dry run of a call, unless that would pass or cannot be known. */
async function refusal(ecs: Rpc, action: string, params: Params, log: Context['log']): Promise<CloudError | undefined> {
  try {
    await ecs(action, { ...params, DryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (PASSED.test(error.code)) return undefined;
    if (!passes(error)) return error;
    log.warning(`Not checked: whether ECS would take the request (${error.operation}: ${error.code}).`);
    return undefined;
  }
}
