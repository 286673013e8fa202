import type { Log } from '../cloud/log.ts';
import { CloudError, hasCode, succeeds } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { ecsCommand } from './command.ts';
import type { Image } from './images.ts';

/** Codes for an image that cannot be deleted now: in use, shared, being copied or exported. */
const STAYS = /^(Image(Using|Use|Is)\w+|OperationDenied\.\w+|Forbidden.*)$/;

/**
 * Deletes an image that was replaced, never by force, and its snapshots if asked to. Idempotent. When the image cannot be
 * deleted now, logs a warning with the command that deletes it later.
 * @throws CloudError for any other failure
 */
export async function deleteReplaced(
  ecs: Rpc,
  log: Log,
  image: Image,
  { region, snapshots }: { region: string; snapshots: boolean },
): Promise<void> {
  const { id, name } = image;
  try {
    await deleteImage(ecs, log, id, 'replaced');
  } catch (error) {
    if (!hasCode(error, STAYS)) throw error;
    const why = `${error.code}: ${error.message}`;
    const command = ecsCommand(region, 'DeleteImage', `--ImageId ${id}`);
    log.warning(
      `The replaced image ${id} could not be deleted and is now named ${name} (${why}). To delete it later: ${command}`,
    );
    return;
  }
  if (snapshots) await deleteSnapshots(ecs, log, image);
}

/** Deletes the unencrypted image behind an encrypted one, and its snapshots. Idempotent. @throws CloudError */
export async function deleteIntermediate(ecs: Rpc, log: Log, image: Image): Promise<void> {
  await deleteImage(ecs, log, image.id, 'intermediate');
  await deleteSnapshots(ecs, log, image);
}

async function deleteImage(ecs: Rpc, log: Log, id: string, what: string): Promise<void> {
  const deleted = await succeeds(ecs('DeleteImage', { ImageId: id }), 'InvalidImageId.NotFound');
  if (deleted) log.info(`Deleted the ${what} image ${id}.`);
}

/** ECS keeps the snapshots of a deleted image, and bills them. */
async function deleteSnapshots(ecs: Rpc, log: Log, { snapshots }: Image): Promise<void> {
  for (const id of snapshots) {
    try {
      const deleted = await succeeds(ecs('DeleteSnapshot', { SnapshotId: id }), 'InvalidSnapshotId.NotFound');
      if (deleted) log.info(`Deleted its snapshot ${id}.`);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      log.warning(`The snapshot ${id} still exists and is billed (${error.code}: ${error.message}).`);
    }
  }
}
