import { contentName } from '../disk/disk.ts';
import type { Context } from './context.ts';
import type { Plan } from './preflight.ts';

/** Logs what a run would do, one line each, and what was not checked. Changes nothing. @returns the same */
export function dryRun({ request, log }: Context, plan: Plan): { wouldDo: string[]; notChecked: string } {
  const { bucket } = request;
  const wouldDo = [
    ...(plan.makeBucket ? [`create the bucket ${bucket}`] : []),
    ...plan.objects.map(({ disk, key }) => `upload ${contentName(disk)} to oss://${bucket}/${key}`),
    ...plan.targets.map(({ kind, name, region, holder, adopt }) => {
      if (adopt !== undefined) return `use image ${adopt.id} as ${name} in ${region}: it has the same content`;
      return `${kind} ${name} in ${region}${holder === undefined ? '' : `, replacing ${holder.id}`}`;
    }),
  ];
  for (const line of wouldDo) log.info(`Would ${line}.`);
  const notChecked = 'quotas, whether ECS can read the bucket, and the content of the file beyond its headers';
  log.info(`Not checked: ${notChecked}.`);
  return { wouldDo, notChecked };
}
