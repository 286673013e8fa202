import type { Plan } from './check.ts';
import { CloudError, CloudErrors } from './cloud/errors.ts';
import { importParams } from './ecs/import.ts';
import { importSpec } from './landing.ts';
import type { Stage } from './main.ts';

/** A dry run that passes comes back as an error with one of these codes; without the object it can tell no more. */
const PASSED =
  /^(DryRunOperation|DRYRUN\.SUCCESS|InvalidOSSObject\.NotFound|InvalidOSSBucket\.NotFound|NoSetRole\w+)$/i;

/** Says what a run would do, and asks the API whether it would take the import. Changes nothing. @throws CloudErrors */
export async function rehearse(stage: Stage, plan: Plan): Promise<void> {
  const { request, keys, disks, cloud, log, outcome } = stage;
  const { bucket, image } = request;
  const [first] = plan.targets;
  if (first?.adopt === undefined) {
    const params = { ...importParams(image.name, importSpec(stage, image.name)), DryRun: true };
    try {
      await cloud.ecs('ImportImage', params);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const isTaken = error.code === 'InvalidImageName.Duplicated' && request.forceDelete;
      if (!PASSED.test(error.code) && !isTaken) throw new CloudErrors('Nothing was uploaded.', [error]);
    }
  }
  outcome.rehearsal = [
    ...(plan.makeBucket ? [`create the bucket ${bucket}`] : []),
    ...disks.map((disk, n) => `upload ${disk.path} to oss://${bucket}/${keys[n] ?? ''}`),
    ...plan.targets.map(({ kind, name, region, old, adopt }) => {
      if (adopt !== undefined) return `go on with image ${adopt.id} as ${name} in ${region}`;
      return `${kind} ${name} in ${region}${old === undefined ? '' : `, replacing ${old.id}`}`;
    }),
  ];
  for (const line of outcome.rehearsal) log.info(`Would ${line}.`);
  log.info('Not checked: whether ECS can read the bucket, quotas, and the content beyond its headers.');
}
