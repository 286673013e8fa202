import type { Log } from '../cloud/log.ts';
import { CloudError, hasCode } from '../cloud/errors.ts';
import { passes } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { imageById, isBeingMade, listImages, type Image } from './images.ts';
import { asideName, isAside } from './names.ts';
import { nextSwap, type Held, type Who } from './swap.ts';

/** A name in a region that a new image is to get. */
export interface Name {
  ecs: Rpc;
  log: Log;
  region: string;
  /** The name that the user asked for. */
  name: string;
  /** Where the new image goes when the old one has to get the name back. */
  temporary: string;
  /** Longest wait for an image that holds the name and is still being made, in ms. */
  timeout: number;
}

/** How long a swap may take, eventual consistency of the listing included, in ms. */
const SWAP = 180_000;
/** How long an image that was seen before may be missing from the listing, in ms: undocumented. */
const UNLISTED = 30_000;

/**
 * Gives the name to the new image and sets the old one aside; where that fails halfway, the old one gets it back.
 * @returns id of the image that held the name, undefined when none did
 * @throws CloudError whose message says which image holds the name
 */
export async function takeName(wanted: Name, newId: string): Promise<string | undefined> {
  const moved: string[] = [];
  try {
    await swapNames(wanted, newId, 'new', moved);
    return moved.at(-1);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (moved.length > 0) await swapNames(wanted, newId, 'old', moved).catch(() => undefined);
    throw error.reworded(`${error.message}; ${await holders(wanted, newId)}`);
  }
}

async function holders({ ecs, name, region }: Name, newId: string): Promise<string> {
  const command = `aliyun ecs ModifyImageAttribute --RegionId ${region} --ImageId ${newId} --ImageName ${name}`;
  const what = `the new image ${newId} is Available`;
  try {
    const images = await listImages(ecs);
    const holder = images.find((image) => image.name === name);
    const fresh = images.find(({ id }) => id === newId);
    const held = holder === undefined ? `no image holds the name ${name}` : `image ${holder.id} holds the name ${name}`;
    return `${held}, ${what} as ${fresh?.name ?? 'unknown'}. To name it: ${command}`;
  } catch {
    return `${what}, and which image holds the name ${name} cannot be seen. To name it: ${command}`;
  }
}

/**
 * Renames until the goal holds the name, from whatever state it finds. Idempotent.
 * @param moved - receives the ids of the images that are set aside; the last one in it is the first to go back
 * @throws CloudError
 */
export async function swapNames(wanted: Name, newId: string, goal: Who, moved: string[] = []): Promise<void> {
  const { ecs, log, name } = wanted;
  const started = now();
  const patience = { first: 1_000, slowest: 10_000, deadline: started + SWAP };
  let last: CloudError | undefined;
  let told = false;
  const step = async (): Promise<true | undefined> => {
    const fresh = await imageById(ecs, newId);
    const others = (await listImages(ecs)).filter((image) => image.id !== newId && isInvolved(image, name));
    // One listing without an image that was just Available proves nothing.
    if (goal === 'new' && fresh === undefined && now() - started < UNLISTED) return undefined;
    const swap = nextSwap(heldBy(name, others, fresh), goal);
    if (swap === 'done') return true;
    const isBack = swap.rename === 'old' && swap.to === 'name';
    const old = isBack ? lastSetAside(others, moved) : others.find((image) => image.name === name);
    const moving = swap.rename === 'new' ? fresh : old;
    if (moving === undefined) return undefined;
    if (isBeingMade(moving)) {
      if (!told) log.info(`Image ${moving.id}, which holds the name, is still being made; waiting for it.`);
      told = true;
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
  const patiently = async (): Promise<true | undefined> => {
    try {
      return await step();
    } catch (error) {
      // The name is still taken for a moment after the rename of its last holder, or another run has just taken it or
      // deleted the image; where an answer was lost, the next look shows what it would have said.
      if (!hasCode(error, /^InvalidImage(Name\.Duplicated|Id\.NotFound)$/) && !passes(error)) throw error;
      last = error;
      return undefined;
    }
  };
  const done = await poll(patience, patiently);
  if (done !== true)
    throw last ?? new CloudError('ecs:ModifyImageAttribute', 'SwapUnsettled', `the name ${name} is not settled`);
}

/** Waits until a listing shows the rename: what is decided next must not rest on a stale one. */
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

/** Of those that were set aside the one that we moved, or else the newest: it held the name last. */
function lastSetAside(others: Image[], moved: string[]): Image | undefined {
  const [newest] = others.toSorted((a, b) => b.created.localeCompare(a.created));
  return others.find(({ id }) => id === moved.at(-1)) ?? newest;
}
