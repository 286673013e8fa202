import type { Log } from '../cloud/log.ts';
import { CloudError, hasCode } from '../cloud/errors.ts';
import { isTransient } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { ecsCommand } from './command.ts';
import { imageById, isBeingMade, listImages, NAME_TAKEN, type Image } from './images.ts';
import { asideName, isAside } from './names.ts';
import { nextSwap, type Held, type Who } from './swap.ts';

/** A name in a region, to be given to a new image. */
export interface Name {
  ecs: Rpc;
  log: Log;
  region: string;
  /** The final name. */
  name: string;
  /** Name for the new image when the old one gets its name back. */
  temporary: string;
  /** Longest wait, in ms, for an image that holds the name and is still being made. */
  timeout: number;
}

/** Longest time for all renames, in ms, including the lag of the listing. */
const SWAP = 180_000;
/** How long a known image may be missing from the listing before it counts as deleted, in ms (undocumented). */
const UNLISTED = 30_000;

/**
 * Renames the old image and gives its name to the new one; when that fails halfway, the old image gets its name back.
 * @returns the name of the new image, another one if a later run has replaced it meanwhile; the id of the image that held
 * the name before
 * @throws CloudError whose message names the image that holds the name
 */
export async function takeName(wanted: Name, newId: string): Promise<{ name: string; replaced: string | undefined }> {
  const moved: string[] = [];
  try {
    const name = await swapNames(wanted, newId, 'new', moved);
    if (name === undefined) throw new CloudError('ecs:DescribeImages', 'ImageGone', `image ${newId} was deleted`);
    return { name, replaced: moved.at(-1) };
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (moved.length > 0) await swapNames(wanted, newId, 'old', moved).catch(() => undefined);
    throw error.reworded(`${error.message}; ${await holders(wanted, newId)}`);
  }
}

async function holders({ ecs, name, region }: Name, newId: string): Promise<string> {
  const command = ecsCommand(region, 'ModifyImageAttribute', `--ImageId ${newId} --ImageName ${name}`);
  const what = `the new image ${newId} is Available`;
  try {
    const images = await listImages(ecs);
    const holder = images.find((image) => image.name === name);
    const fresh = images.find(({ id }) => id === newId);
    const held = holder === undefined ? `no image holds the name ${name}` : `image ${holder.id} holds the name ${name}`;
    return `${held}, ${what} as ${fresh?.name ?? 'unknown'}. To name it: ${command}`;
  } catch {
    return `${what}; could not find out which image holds the name ${name}. To name it: ${command}`;
  }
}

/**
 * Renames images until the goal holds the name, whatever the state was before. Idempotent.
 * @param moved - receives the ids of images that lose the name; the last of them is the first to get it back
 * @returns the name of the new image, undefined when there is no such image
 * @throws CloudError
 */
export async function swapNames(
  wanted: Name,
  newId: string,
  goal: Who,
  moved: string[] = [],
): Promise<string | undefined> {
  const { ecs, log, name } = wanted;
  const started = now();
  const patience = { first: 1_000, slowest: 10_000, deadline: started + SWAP };
  let last: CloudError | undefined;
  let announced = false;
  const step = async (): Promise<{ name: string | undefined } | undefined> => {
    const fresh = await imageById(ecs, newId);
    const others = (await listImages(ecs)).filter((image) => image.id !== newId && isInvolved(image, name));
    // A single listing may lack an image that was just Available.
    if (goal === 'new' && fresh === undefined && now() - started < UNLISTED) return undefined;
    const swap = nextSwap(heldBy(name, others, fresh), goal);
    if (swap === 'done') return { name: fresh?.name };
    const isBack = swap.rename === 'old' && swap.to === 'name';
    const old = isBack ? lastSetAside(others, moved) : others.find((image) => image.name === name);
    const moving = swap.rename === 'new' ? fresh : old;
    if (moving === undefined) return undefined;
    if (isBeingMade(moving)) {
      if (!announced) log.info(`Image ${moving.id}, which holds the name, is still being made; waiting for it.`);
      announced = true;
      patience.deadline = Math.max(started + SWAP, Math.min(now() + SWAP, started + wanted.timeout));
      return undefined;
    }
    const to = { name, aside: asideName(name, moving.id), temporary: wanted.temporary }[swap.to];
    if (swap.to === 'aside') moved.push(moving.id);
    await ecs('ModifyImageAttribute', { ImageId: moving.id, ImageName: to });
    log.info(`Renamed the ${swap.rename} image ${moving.id}: ${moving.name} -> ${to}.`);
    await shown(ecs, moving);
    return undefined;
  };
  const patiently: typeof step = async () => {
    try {
      return await step();
    } catch (error) {
      // ECS may take a moment to free a name, or another run has just taken the name or deleted the image. After a lost
      // answer, the next look shows whether the rename was made.
      if (!hasCode(error, NAME_TAKEN) && !hasCode(error, 'InvalidImageId.NotFound') && !isTransient(error)) throw error;
      last = error;
      return undefined;
    }
  };
  const done = await poll(patience, patiently);
  if (done === undefined)
    throw last ?? new CloudError('ecs:ModifyImageAttribute', 'SwapUnsettled', `the renames for ${name} did not finish`);
  return done.name;
}

/** Waits until the rename is listed, so that the next decision is not based on old names. */
async function shown(ecs: Rpc, before: Image): Promise<void> {
  const look = async () => ((await imageById(ecs, before.id))?.name === before.name ? undefined : true);
  await poll({ first: 1_000, slowest: 3_000, deadline: now() + 60_000 }, look);
}

const isInvolved = (image: Image, wanted: string): boolean => image.name === wanted || isAside(image, wanted);

function heldBy(name: string, others: Image[], fresh: Image | undefined): Held {
  const held: Held = {};
  for (const image of others) held[image.name === name ? 'name' : 'aside'] = 'old';
  if (fresh !== undefined) held[fresh.name === name ? 'name' : isAside(fresh, name) ? 'aside' : 'temporary'] = 'new';
  return held;
}

/** The image that lost the name last: the one that this run renamed, or else the newest. */
function lastSetAside(others: Image[], moved: string[]): Image | undefined {
  const [newest] = others.toSorted((a, b) => b.created.localeCompare(a.created));
  return others.find(({ id }) => id === moved.at(-1)) ?? newest;
}
