import { CloudError, CloudErrors } from '../cloud/errors.ts';
import { importParams } from '../ecs/import.ts';
import type { Context } from './context.ts';
import type { Plan } from './preflight.ts';
import type { Outcome } from './run.ts';
import { importSpec } from './start.ts';

/** A dry run that passes is answered with an error of one of these codes; without the object it can tell no more. */
const PASSED =
  /^(DryRunOperation|DRYRUN\.SUCCESS|InvalidOSSObject\.NotFound|InvalidOSSBucket\.NotFound|NoSetRole\w+)$/i;

/** Says what a run would do, and asks the API whether it would take the import. Changes nothing. @throws CloudErrors */
export async function dryRun(context: Context, plan: Plan): Promise<Outcome> {
  const { request, disks, clients, log } = context;
  const { bucket, image } = request;
  const [first] = plan.targets;
  if (first !== undefined && first.adopt === undefined) {
    const from = { staged: plan.objects.map(({ key }) => ({ key, etag: '', versionId: undefined })), sums: [] };
    const params = { ...importParams(importSpec(context, first, from, image.name)), DryRun: true };
    try {
      await clients.ecs('ImportImage', params);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const isTaken = error.code === 'InvalidImageName.Duplicated' && request.forceDelete;
      if (!PASSED.test(error.code) && !isTaken) throw new CloudErrors('Nothing was uploaded.', [error]);
    }
  }
  const wouldDo = [
    ...(plan.makeBucket ? [`create the bucket ${bucket}`] : []),
    ...disks.map((disk, n) => `upload ${disk.path} to oss://${bucket}/${plan.objects[n]?.key ?? ''}`),
    ...plan.targets.map(({ kind, name, region, holder, adopt }) => {
      if (adopt !== undefined) return `resume with image ${adopt.id} as ${name} in ${region}`;
      return `${kind} ${name} in ${region}${holder === undefined ? '' : `, replacing ${holder.id}`}`;
    }),
  ];
  for (const line of wouldDo) log.info(`Would ${line}.`);
  log.info('Not checked: whether ECS can read the bucket, quotas, and the content beyond its headers.');
  return { images: [], staged: [], leftovers: [], times: {}, wouldDo };
}
