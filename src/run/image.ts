import { CloudError } from '../cloud/errors.ts';
import { ecsCommand } from '../ecs/command.ts';
import { finishImage } from '../ecs/finish.ts';
import { imageById, isBeingMade, isFinished, MARK_TAG, type Image } from '../ecs/images.ts';
import type { Started } from '../ecs/import.ts';
import { takeName } from '../ecs/name.ts';
import { asideName, temporaryName } from '../ecs/names.ts';
import { importTask } from '../ecs/tasks.ts';
import { waitForImage } from '../ecs/wait.ts';
import { headObject, sameEtag } from '../oss/objects.ts';
import type { Context, RegionalImage } from './context.ts';
import { isDerived } from './keys.ts';
import { isOurs, markText, parseMark } from './ownership.ts';
import type { Sources } from './parameters.ts';
import type { TargetPlan } from './plan-images.ts';
import { entryFor, start } from './start.ts';

/** An Available image, and what was done with it. */
export interface FinishedImage {
  /** With its final name, unless `failure` says otherwise. */
  image: RegionalImage;
  taskId: string | undefined;
  /** Id of the image that held the name before. */
  replaced: string | undefined;
  /** Why it has no final name, family, boot mode or sharing. */
  failure?: CloudError;
}

/**
 * Makes one image: starts or adopts it, waits until it is Available, gives it the name, then family, boot mode and sharing.
 * @throws CloudError when the image was not made
 */
export async function makeImage(context: Context, target: TargetPlan, from: Sources): Promise<FinishedImage> {
  const { clients, log, request, ledger } = context;
  const { region, name, replaced: ids } = target;
  const ecs = clients.ecsIn(region);
  const replacing = { kind: 'replaced', region, name, ids } as const;
  if (ids.length > 0) ledger.record(replacing);
  const started = target.adopt ? await resume(context, target, target.adopt) : await start(context, target, from);
  if (ids.length > 0) ledger.record({ ...replacing, by: started.imageId });
  const image = { ...(await waitForImage({ ecs, log, timeout: request.timeout }, started)), region };
  if (target.kind === 'import') await assertObjectsUnchanged(context, target, image, from.staged);
  if (!target.intermediate) context.onAvailable(image);
  return { ...(await nameAndFinish(context, target, image)), taskId: started.taskId };
}

async function resume(context: Context, target: TargetPlan, image: Image): Promise<Started> {
  const { clients, ledger, log, me } = context;
  const { id, status } = image;
  const mark = image.tags[MARK_TAG];
  const attempt = isOurs(mark, me) ? ` from attempt ${parseMark(mark)?.attempt ?? 0}` : '';
  log.info(`Using image ${id} (${status})${attempt}: it has the same content.`);
  const importing = target.kind === 'import' && isBeingMade(image);
  const taskId = importing ? await importTask(clients.ecs, id).catch(() => undefined) : undefined;
  const entry = entryFor(context, target, image.name, mark);
  if (!isFinished(image) || image.name !== target.name) ledger.record({ ...entry, id, taskId });
  return { imageId: id, taskId };
}

/**
 * ECS reads an object by its key alone, and in a versioned bucket others can overwrite it in spite of
 * x-oss-forbid-overwrite. Under a key that the user chose, the object must still be the one that was uploaded.
 * @throws CloudError `ObjectReplaced`
 */
async function assertObjectsUnchanged(
  context: Context,
  target: TargetPlan,
  image: RegionalImage,
  staged: Sources['staged'],
): Promise<void> {
  const { clients, ledger, me, request } = context;
  for (const { key, etag } of staged) {
    if (isDerived(key, me)) continue;
    const there = await headObject(clients.oss, key);
    if (there === 'unknown' || (there !== undefined && sameEtag(there.etag, etag))) continue;
    for (const made of ledger.made()) if (made.kind === 'replaced') ledger.forget(made);
    // Nobody may take it for an image of this file, so the clean-up deletes it although it is finished.
    const entry = entryFor(context, target, image.name, image.tags[MARK_TAG]);
    ledger.record({ ...entry, id: image.id, intermediate: true });
    const what = `oss://${request.bucket}/${key} was replaced or deleted by someone else during the import`;
    const text = `${what}; image ${image.id} may have other content, so it is deleted`;
    throw new CloudError('oss:HeadObject', 'ObjectReplaced', text);
  }
}

/** Another run's image that was not finished when this run was planned is not deleted, and its snapshots are billed. */
function keptAside(id: string, { region, name }: TargetPlan): string {
  const kept = `It is kept as ${asideName(name, id)}, because that run may still need it, and is billed`;
  const command = ecsCommand(region, 'DeleteImage', `--ImageId ${id}`);
  return `Another run made the image ${id} in the meantime. ${kept}. The next run that replaces ${name} deletes it. To delete it now: ${command}`;
}

/** Gives an Available image its name, then family, boot mode and sharing. A failure is returned with the image. */
async function nameAndFinish(context: Context, target: TargetPlan, image: RegionalImage) {
  const { clients, request, ledger, log, me } = context;
  const { region, name, intermediate } = target;
  const ecs = clients.ecsIn(region);
  if (intermediate) return { image, replaced: undefined };
  const entry = entryFor(context, target, image.name);
  let named: Awaited<ReturnType<typeof takeName>> = { name, replaced: undefined };
  if (image.name !== name) {
    const temporary = temporaryName(name, image.tags[MARK_TAG] ?? markText(me));
    try {
      named = await takeName({ ecs, log, region, name, temporary, timeout: request.timeout }, image.id);
      if (named.replaced !== undefined && !target.replaced.includes(named.replaced))
        log.warning(keptAside(named.replaced, target));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      // The images that it was meant to replace are kept.
      ledger.forget(entry, { kind: 'replaced', region, name, ids: [] });
      const { name: called = image.name } = (await imageById(ecs, image.id).catch(() => undefined)) ?? {};
      return { image: { ...image, name: called }, replaced: undefined, failure: error };
    }
  }
  ledger.forget(entry);
  const finished = { image: { ...image, name: named.name }, replaced: named.replaced };
  const { family, bootMode } = request.image;
  const { accounts } = request.distribution;
  try {
    await finishImage(ecs, image.id, { family, bootMode, accounts });
    return finished;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return { ...finished, failure: error };
  }
}
