import { CloudError, hasCode } from '../cloud/errors.ts';
import { passes } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, type Image } from './images.ts';
import { asideName, asidePrefix, temporaryName } from './names.ts';
import { nextSwap, type Held, type Who } from './swap.ts';
import type { Waiting } from './wait.ts';

/** A name in a region, and the run that wants it for its image; another run's may hold it while it is still being made. */
export interface Name extends Waiting {
  /** The name that the user asked for. */
  name: string;
  runId: string;
}

/** How long a swap may take, eventual consistency of the listing included, in ms. */
const SETTLE = 180_000;

/** How long an image that was seen before may be missing from the listing, in ms: undocumented. */
const UNLISTED = 30_000;

/**
 * Renames until the goal holds the name, from whatever state it finds. Idempotent.
 * @param moved - takes the ids of the images that are set aside; the last one in it is the first to go back
 * @throws CloudError
 */
export async function settle(wanted: Name, newId: string, goal: Who, moved: string[] = []): Promise<void> {
  const { ecs, log, name, runId } = wanted;
  const started = now();
  const patience = { first: 1_000, slowest: 10_000, deadline: started + SETTLE };
  let last: CloudError | undefined;
  let told = '';
  const step = async (): Promise<true | undefined> => {
    const { fresh, others } = await around(wanted, newId);
    // One listing without an image that was just Available proves nothing.
    if (goal === 'new' && fresh.length === 0 && now() - started < UNLISTED) return undefined;
    const swap = nextSwap(heldBy(wanted, [...others, ...fresh], newId), goal);
    if (swap === 'done') return true;
    const isBack = swap.rename === 'old' && swap.to === 'name';
    const old = isBack ? lastSetAside(others, moved) : others.find((image) => image.name === name);
    const moving = swap.rename === 'new' ? fresh[0] : old;
    if (moving === undefined) return undefined;
    if (/^(Creating|Waiting)$/.test(moving.status)) {
      if (told === '')
        log.info((told = `Image ${moving.id}, which holds the name, is still being made; waiting for it.`));
      patience.deadline = Math.max(started + SETTLE, Math.min(now() + SETTLE, started + wanted.timeout));
      return undefined;
    }
    const to = { name, aside: asideName(name, moving.id), temporary: temporaryName(name, runId) }[swap.to];
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
    throw last ?? new CloudError('ecs:ModifyImageAttribute', 'SwapUnsettled', `${name} is not settled`);
}

/** Waits until a listing shows the rename: what is decided next must not rest on a stale one. */
async function shown(ecs: Rpc, before: Image): Promise<void> {
  const look = async () => ((await findImages(ecs, { id: before.id }))[0]?.name === before.name ? undefined : true);
  await poll({ first: 1_000, slowest: 3_000, deadline: now() + 60_000 }, look);
}

/** The images that take part in a swap: the new one, and others that hold the name or were set aside for it. */
async function around(wanted: Name, newId: string): Promise<{ fresh: Image[]; others: Image[] }> {
  const fresh = await findImages(wanted.ecs, { id: newId });
  const holders = await findImages(wanted.ecs, { name: wanted.name });
  const others = [...holders, ...(await setAside(wanted))].filter(({ id }) => id !== newId);
  return { fresh, others };
}

/** Images that a swap for this name has set aside: their name is made of it and of their own id. */
export async function setAside({ ecs, name }: { ecs: Rpc; name: string }): Promise<Image[]> {
  const like = await findImages(ecs, { nameLike: asidePrefix(name) });
  return like.filter((image) => image.name === asideName(name, image.id));
}

function heldBy({ name, runId }: Name, images: Image[], newId: string): Held {
  const held: Held = {};
  for (const image of images) {
    const who: Who = image.id === newId ? 'new' : 'old';
    if (image.name === name) held.name = who;
    else if (image.name === temporaryName(name, runId)) held.temporary = who;
    else if (image.name === asideName(name, image.id)) held.aside = who;
  }
  return held;
}

/** Of those that were set aside the one that we moved, or else the newest: it held the name last. */
function lastSetAside(others: Image[], moved: string[]): Image | undefined {
  const [newest] = others.toSorted((a, b) => b.created.localeCompare(a.created));
  return others.find(({ id }) => id === moved.at(-1)) ?? newest;
}
