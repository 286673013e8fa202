import { hasCode, isDenied } from '../cloud/errors.ts';
import { startCopy } from '../ecs/copy.ts';
import { MARK_TAG, NAME_TAKEN, type Image, type NewImage } from '../ecs/images.ts';
import { startImport, type Started } from '../ecs/import.ts';
import { temporaryName } from '../ecs/names.ts';
import { fillRoleGap, findRoleGap, onceRolePropagates, ROLE_INCOMPLETE } from '../ecs/role.ts';
import type { Context } from './context.ts';
import type { ImageEntry } from './ledger.ts';
import { markText } from './ownership.ts';
import { newImage, type Sources } from './parameters.ts';
import type { TargetPlan } from './plan-images.ts';

/** The ledger entry of an image. */
export function entryFor({ me }: Context, target: TargetPlan, name: string, mark = markText(me)): ImageEntry {
  const { region, name: wants, kind, intermediate } = target;
  return { kind: 'image', region, name, wants, madeBy: kind, intermediate, mark };
}

/** The ledger entry of an image of an earlier attempt. If it is finished by the time it is undone, it keeps its name. */
export const entryOf = (context: Context, target: TargetPlan, { id, name, tags }: Image): ImageEntry => ({
  ...entryFor(context, { ...target, name }, name, tags[MARK_TAG]),
  id,
});

/** Starts the image under its final name, or under a temporary one when another image holds the name and will be replaced. */
export async function start(context: Context, target: TargetPlan, from: Sources): Promise<Started> {
  const { request, ledger, log, me } = context;
  const { name, holder } = target;
  const temporary = temporaryName(name, markText(me));
  try {
    return await startAs(context, target, from, holder === undefined ? name : temporary);
  } catch (error) {
    if (holder !== undefined || !request.forceDelete || !hasCode(error, NAME_TAKEN)) throw error;
    log.info(`Another image took the name ${name} in the meantime; it will be replaced.`);
    ledger.forget(entryFor(context, target, name));
    return startAs(context, target, from, temporary);
  }
}

async function startAs(context: Context, target: TargetPlan, from: Sources, name: string): Promise<Started> {
  const { clients, ledger, log, request } = context;
  const entry = entryFor(context, target, name);
  ledger.record(entry);
  const image = newImage(context, target, from, name);
  const started =
    target.kind === 'import'
      ? await startWithRole(context, image)
      : await startCopy(clients.ecs, clients.ecsIn(target.region), image, request.timeout);
  const { imageId, taskId } = started;
  ledger.record({ ...entry, id: imageId, taskId });
  log.info(`Started: image ${imageId}${taskId === undefined ? '' : `, import task ${taskId}`}.`);
  return started;
}

/** Starts the import. If the default role that ECS uses to read the bucket is missing or incomplete, sets it up first. */
async function startWithRole({ request, clients, ledger, log }: Context, image: NewImage): Promise<Started> {
  const { ecs, ram } = clients;
  try {
    return await startImport(ecs, image);
  } catch (refusal) {
    if (request.importRole !== undefined || !hasCode(refusal, ROLE_INCOMPLETE)) throw refusal;
    try {
      const gap = await findRoleGap(ram, refusal);
      if (gap !== undefined) {
        ledger.record({ kind: 'role' });
        await fillRoleGap(ram, log, gap);
        ledger.forget({ kind: 'role' });
      }
    } catch (error) {
      if (!isDenied(error)) throw error;
      ledger.forget({ kind: 'role' });
      log.info(`The import role could not be set up: ${error.operation} is denied.`);
      throw refusal;
    }
    return onceRolePropagates(log, () => startImport(ecs, image));
  }
}
