import type { Log } from '../cloud/door.ts';
import { CloudError, succeeds } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { findImages, type Image } from './images.ts';
import { asideName } from './names.ts';

/** What the service says of an image that cannot go now: in use, shared, being copied or exported. */
const STAYS = /^(Image(Using|Use|Is)\w+|OperationDenied\.\w+|Forbidden.*)$/;

/**
 * Deletes an image that was set aside for the name, never by force, and its snapshots where that is wanted. Idempotent. One that does not lie aside, or after
 * which nobody holds the name, is left alone; one that cannot go keeps its aside name, with a warning that says how.
 * @throws CloudError when it could not even be tried
 */
export async function deleteReplaced(
  ecs: Rpc,
  log: Log,
  { id, name, region, snapshots }: { id: string; name: string; region: string; snapshots: boolean },
): Promise<void> {
  const [image] = await findImages(ecs, { id });
  if (image?.name !== asideName(name, id)) return;
  if ((await findImages(ecs, { name })).length === 0) return;
  try {
    await ecs('DeleteImage', { ImageId: id });
    log.info(`Deleted the replaced image ${id}.`);
    if (snapshots) await deleteSnapshots(ecs, log, image);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'InvalidImageId.NotFound') return;
    if (!STAYS.test(error.code)) throw error;
    const command = `aliyun ecs DeleteImage --RegionId ${region} --ImageId ${id}`;
    log.warning(`The replaced image ${id} stays as ${image.name} (${error.code}: ${error.message}). Later: ${command}`);
  }
}

/** Deletes an image of ours that was needed only on the way, and its snapshots. Idempotent. @throws CloudError */
export async function deleteScratch(ecs: Rpc, log: Log, image: Image): Promise<void> {
  const deleted = await succeeds(ecs('DeleteImage', { ImageId: image.id }), 'InvalidImageId.NotFound');
  if (deleted) log.info(`Deleted the image ${image.id}, which was needed only on the way.`);
  await deleteSnapshots(ecs, log, image);
}

/** The snapshots behind an image stay when it is deleted, and cost. */
async function deleteSnapshots(ecs: Rpc, log: Log, { snapshots }: Image): Promise<void> {
  for (const id of snapshots) {
    try {
      await ecs('DeleteSnapshot', { SnapshotId: id });
      log.info(`Deleted its snapshot ${id}.`);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.code === 'InvalidSnapshotId.NotFound') continue;
      log.warning(`The snapshot ${id} stays, and costs (${error.code}: ${error.message}).`);
    }
  }
}
