import type { Log } from '../cloud/door.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, type Image } from './images.ts';
import type { Import } from './import.ts';
import { asideName, asidePrefix, temporaryName } from './names.ts';
import { nextSwap, type Held, type Who } from './swap.ts';
import { waitForImage } from './wait.ts';

/** Where an image lands: one name in one region. */
export interface Place {
  ecs: Rpc;
  log: Log;
  region: string;
  /** The name that the user asked for. */
  name: string;
  /** `<repository>/<run id>`: marks what is ours. */
  run: string;
  runId: string;
  /** Longest wait for the image, in ms. */
  timeout: number;
  /** Called the moment the image is Available, whatever becomes of its name. */
  onAvailable: (image: Image) => void;
}

/**
 * Makes an image (or adopts the one under way), waits until it is Available and gives it the name; where an image holds
 * the name it is set aside first (and deleted last, by `sweep`).
 * @param replaces - whether an image that holds the name is to be replaced
 * @param make - starts the making of an image under the name that it is given
 * @throws CloudError; the message of one thrown during the swap says which image holds the name
 */
export async function land(
  place: Place,
  replaces: boolean,
  adopted: Image | undefined,
  make: (name: string) => Promise<Import>,
): Promise<Image> {
  const { ecs, log, name } = place;
  const temporary = temporaryName(name, place.runId);
  const made = adopted === undefined ? await make(replaces ? temporary : name) : { imageId: adopted.id };
  const image = await waitForImage({ ecs, log, timeout: place.timeout }, made);
  place.onAvailable(image);
  if (image.name !== name) await settle(place, image.id, 'new');
  return { ...image, name };
}

/** How long a swap may take, eventual consistency of the listing included, in ms. */
const SETTLE = 180_000;

/** Renames until the goal holds the name, from whatever state it finds. Idempotent. */
export async function settle(place: Place, newId: string, goal: Who): Promise<void> {
  const { log, name } = place;
  let last: CloudError | undefined;
  const step = async (): Promise<true | undefined> => {
    const images = await around(place, newId);
    const swap = nextSwap(heldBy(images, place, newId), goal);
    if (swap === 'done') return true;
    const isNew = swap.rename === 'new';
    const moving = images.find(({ id, name: now }) => (id === newId) === isNew && (now === name || swap.to === 'name'));
    if (moving === undefined) return undefined;
    const to = { name, aside: asideName(name, moving.id), temporary: temporaryName(name, place.runId) }[swap.to];
    await place.ecs('ModifyImageAttribute', { ImageId: moving.id, ImageName: to });
    log.info(`Renamed ${isNew ? 'the new' : 'the old'} image ${moving.id}: ${moving.name} -> ${to}.`);
    await shown(place, moving.id, to);
    return undefined;
  };
  const patiently = async (): Promise<true | undefined> => {
    try {
      return await step();
    } catch (error) {
      // The name is still taken for a moment after the rename of its last holder, or another run has just taken it.
      if (!(error instanceof CloudError) || error.code !== 'InvalidImageName.Duplicated') throw error;
      last = error;
      return undefined;
    }
  };
  const done = await poll({ first: 1_000, slowest: 10_000, deadline: now() + SETTLE }, patiently);
  if (done !== true)
    throw last ?? new CloudError('ecs:ModifyImageAttribute', 'SwapUnsettled', `${name} is not settled`);
}

/** Waits until a listing shows the rename: what is decided next must not rest on a stale one. */
async function shown(place: Place, id: string, name: string): Promise<void> {
  const look = async () => ((await findImages(place.ecs, { id }))[0]?.name === name ? true : undefined);
  await poll({ first: 1_000, slowest: 3_000, deadline: now() + 60_000 }, look);
}

/** The images that take part in a swap: the new one, who holds the name, and those set aside for it. */
async function around(place: Place, newId: string): Promise<Image[]> {
  const { ecs, name } = place;
  const fresh = await findImages(ecs, { id: newId });
  const holders = await findImages(ecs, { name });
  return [...fresh, ...[...holders, ...(await setAside(place))].filter(({ id }) => id !== newId)];
}

/** Images that a swap for this name has set aside: their name is made of it and of their own id. */
async function setAside({ ecs, name }: Place): Promise<Image[]> {
  const like = await findImages(ecs, { nameLike: asidePrefix(name) });
  return like.filter((image) => image.name === asideName(name, image.id));
}

function heldBy(images: Image[], place: Place, newId: string): Held {
  const held: Held = {};
  for (const image of images) {
    const who: Who = image.id === newId ? 'new' : 'old';
    if (image.name === place.name) held.name = who;
    else if (image.name === temporaryName(place.name, place.runId)) held.temporary = who;
    else if (image.name === asideName(place.name, image.id)) held.aside = who;
  }
  return held;
}

/**
 * Deletes what was set aside for the name, never by force; what cannot go keeps its aside name and is a warning.
 * @param newId - the image that holds the name now: another run may have set it aside in the meantime
 * @returns ids of all images that were set aside, deleted or not
 */
export async function sweep(place: Place, newId: string): Promise<string[]> {
  const old = (await setAside(place)).filter(({ id }) => id !== newId);
  for (const image of old) await deleteAside(place, image);
  return old.map(({ id }) => id);
}

async function deleteAside({ ecs, log, region }: Place, { id, name }: Image): Promise<void> {
  try {
    await ecs('DeleteImage', { ImageId: id });
    log.info(`Deleted the replaced image ${id}.`);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.code === 'InvalidImageId.NotFound') return;
    const command = `aliyun ecs DeleteImage --RegionId ${region} --ImageId ${id}`;
    log.warning(`The replaced image ${id} stays as ${name} (${error.code}: ${error.message}). Later: ${command}`);
  }
}
