import { ecsCommand } from '../../ecs/command.ts';
import { deleteReplaced } from '../../ecs/delete.ts';
import { listImages, MARK_TAG, type Image } from '../../ecs/images.ts';
import { isAside, isPlain, isTemporary } from '../../ecs/names.ts';
import { removeObject } from '../../oss/objects.ts';
import type { UndoContext } from '../context.ts';
import { markText } from '../ownership.ts';
import type { Undo } from './kind.ts';

/** Deletes the images that forced runs replaced or left under temporary names, if the new image holds the name. */
export const replaced: Undo<'replaced'> = {
  deadline: 150_000,
  async undo({ region, name, by, ids }, context) {
    const { clients, log, request, me } = context;
    const ecs = clients.ecsIn(region);
    const images = await listImages(ecs);
    const holder = images.find((image) => image.name === name);
    const isNew = by === undefined ? holder?.tags[MARK_TAG] === markText(me) : holder?.id === by;
    if (holder === undefined || !isNew) return undefined;
    for (const image of images.filter(({ id }) => ids.includes(id))) {
      const wasNeverNamed = isTemporary(image, name) || isPlain(image, name);
      // One that somebody has renamed is theirs.
      if (!wasNeverNamed && !isAside(image, name)) continue;
      await deleteReplaced(ecs, log, image, { region, snapshots: wasNeverNamed || request.forceDeleteSnapshots });
      if (wasNeverNamed) await removeSources(image, context);
    }
  },
  byHand({ region, ids }) {
    const commands = ids.map((id) => ecsCommand(region, 'DeleteImage', `--ImageId ${id}`));
    return `Replaced images may still exist. Remove them: ${commands.join('; ')}`;
  },
};

/** Deletes the objects that a killed run imported, if they have the same mark as its image. */
async function removeSources({ sources, tags }: Image, { clients: { oss } }: UndoContext): Promise<void> {
  const isOurs = (mark: string | undefined) => mark !== undefined && mark === tags[MARK_TAG];
  for (const { bucket, key } of sources) {
    if (bucket === oss.bucket) await removeObject(oss, { key, isOurs, derived: false });
  }
}
