import { type Account, Image, type Task, randomId } from '../entities.ts';
import type { World } from '../world.ts';

/** The image becomes Available a little after its task has finished: https://github.com/coreos/coreos-assembler/pull/2592 */
const AVAILABLE_AFTER = 2_000;
/** How long CancelTask takes is not documented. */
const CANCEL_AFTER = 3_000;
/** The part of an import in which it reads the object. */
const READING = 0.8;

/** Moves tasks and images to their present state. Runs before every request and every few milliseconds. */
export function settle(world: World): void {
  const now = world.clock.now();
  for (const task of world.tasks) {
    if (task.status === 'Processing') advance(world, task, now);
    const image = world.images.find(({ id }) => id === task.imageId);
    if (task.status === 'Finished' && image?.status === 'Creating' && now >= task.ends + AVAILABLE_AFTER)
      finish(world, image);
  }
  for (const image of world.images) {
    if (!image.copy || image.status !== 'Creating') continue;
    const { begun, ends } = image.copy;
    image.progress = Math.min(99, Math.floor((100 * (now - begun)) / (ends - begun)));
    if (now >= ends) finish(world, image);
  }
}

function advance(world: World, task: Task, now: number): void {
  const image = world.images.find(({ id }) => id === task.imageId);
  const changed = task.reads.some(({ bucket, version }) => world.object(bucket, version.key) !== version);
  if (changed && !task.readDone) {
    task.failure = {
      code: 'InvalidOSSObject.NotFound',
      message: 'The OSS object was changed or deleted during the import.',
      at: now,
    };
  }
  const done = (now - task.begun) / (task.ends - task.begun);
  task.readDone ||= done >= READING;
  task.progress = Math.min(99, Math.floor(100 * done));
  if (image) image.progress = task.progress;
  if (task.cancelled !== undefined && now >= task.cancelled + CANCEL_AFTER) {
    task.status = 'Deleted';
    if (image) removeImage(world, image);
  } else if (task.failure && now >= task.failure.at) {
    task.status = 'Failed';
    if (image) image.status = 'CreateFailed';
  } else if (now >= task.ends && task.cancelled === undefined) {
    task.status = 'Finished';
    task.progress = 100;
  }
}

function finish(world: World, image: Image): void {
  image.status = 'Available';
  image.progress = 100;
  for (const disk of image.disks) {
    disk.snapshotId = randomId('s-2ze', 17);
    const { id: imageId, region, owner, encrypted } = image;
    const { snapshotId: id, sizeGiB } = disk;
    world.snapshots.push({ id, region, owner, imageId, created: world.clock.now(), sizeGiB, encrypted });
  }
}

/** Adds an image that is still being made, named by its id unless a name is given. */
export function startImage(
  world: World,
  owner: Account,
  region: string,
  name: string | undefined,
  some: Partial<Image>,
) {
  const id = randomId('m-2ze', 17);
  lag(world, id);
  return world.addImage(owner, name ?? id, { ...some, id, region, status: 'Creating', progress: 0 });
}

/** Removes an image. DescribeImages may show it for a moment longer. */
export function removeImage(world: World, image: Image): void {
  lag(world, image.id);
  world.images = world.images.filter((one) => one !== image);
}

/** Makes DescribeImages lag: for a moment it still shows what it shows now. Call this before a change. */
export function lag(world: World, id: string): void {
  const now = world.clock.now();
  const until = now + world.durations.imageVisibilitySeconds * 1000;
  const earlier = world.lagging.get(id);
  const image = world.images.find((one) => one.id === id);
  const shown = earlier && earlier.until > now ? earlier.shown : image && Object.assign(new Image(), image);
  world.lagging.set(id, { until, shown });
}
