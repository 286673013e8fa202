import type { Image, RecordedRequest, Simulator } from '../../simulator/index.ts';
import { bootSector, makeScene, pseudoRandom, writeDisk, type SceneOptions } from './scene.ts';

export const NAME = 'packer_import';
export const BUCKET = 'packer';
const REGION = 'cn-beijing';
const MIB = 1024 ** 2;

/** A way to run the action, for tests of its endings. */
export interface Variant {
  title: string;
  inputs?: Record<string, string>;
  /** Whether an image holds the name before the run. */
  old?: boolean;
  /** Whether bucket and import role are missing. */
  bare?: boolean;
  /** Whether the disk has enough zeros to copy them inside the bucket. */
  zeros?: boolean;
  /** Which points to test; all when absent. */
  only?: RegExp;
}

type Opened = Awaited<ReturnType<typeof makeScene>>;
export interface Arranged {
  scene: Opened;
  old: Image | undefined;
  watch: Watch;
}

export const OPTIONS: SceneOptions = {
  speed: 60,
  importSeconds: 8,
};

/** A scene of the variant, with resources of others that must not change. */
export async function arrange({ inputs = {}, old, bare, zeros }: Variant, more: SceneOptions = {}): Promise<Arranged> {
  const scene: Opened = await makeScene({ ...OPTIONS, write: zeros ? zeroDisk : tinyDisk, ...more });
  Object.assign(scene.inputs, inputs);
  const { world, account } = scene.simulator;
  const oldImage = old ? world.addImage(account, NAME) : undefined;
  await addNeighbours(scene.simulator, inputs.oss_key_name);
  if (bare) {
    world.buckets = world.buckets.filter(({ name }) => name !== BUCKET);
    account.roles = account.roles.filter(({ name }) => name === 'neighbour');
  }
  return { scene, old: oldImage, watch: new Watch(scene.simulator, oldImage?.id) };
}

/** A small disk of nothing but data. */
export async function tinyDisk(path: string): Promise<void> {
  await writeDisk(path, MIB, [
    [0, pseudoRandom(MIB, 1)],
    [0, bootSector(64, 1_000)],
  ]);
}

/** Data, and enough zeros for a zero object. */
async function zeroDisk(path: string): Promise<void> {
  await writeDisk(path, 10 * MIB, [
    [0, pseudoRandom(MIB, 1)],
    [0, bootSector(64, 1_000)],
  ]);
}

/** Parts of the names derived by another run, and by another job of this run. */
const OTHERS = { run: '4243-0f1e2d3c', job: '4242-0f1e2d3c' };
const MARK = '0f1e2d3c4b5a6978.1.8d7c6b5a';

/** Images, objects, uploads, roles and buckets of others that look like those of the run. */
async function addNeighbours({ world, account }: Simulator, key?: string): Promise<void> {
  const tags = { 'alicloud-import': MARK };
  for (const name of [`${NAME}2`, `my_${NAME}`, `${NAME}-replaced-m-notit`, NAME.toUpperCase()])
    world.addImage(account, name);
  for (const other of ['4243', '42421', ...Object.values(OTHERS)])
    world.addImage(account, `${NAME}-importing-${other}`, { tags });
  world.addImage(account, NAME, { region: 'cn-shanghai', tags });
  world.addImage(world.addAccount(), NAME, { sharedWith: [account.id] });
  world.addRole(account, 'neighbour', '{}');
  world.addBucket(account, 'packer-neighbour');
  const headers = { 'x-oss-meta-alicloud-import': MARK };
  const theirs = Object.values(OTHERS).map((other) => `alicloud-import/${NAME}/${other}/1-8d7c6b5a/disk.raw`);
  const alike = [`${key ?? `alicloud-import/${NAME}/4242/disk.raw`}2`, ...theirs];
  for (const name of alike) await world.putObject(BUCKET, name, Buffer.from(name), { headers });
  const { uploads } = world.bucket(BUCKET) ?? {};
  const upload = { initiated: world.clock.now(), storageClass: 'Standard', headers, parts: new Map() };
  for (const [n, id] of ['A', 'Y', 'Z'].entries()) uploads?.set(id, { ...upload, id, key: alike[n] ?? '' });
  // Another run is uploading under the same user's key.
  if (key !== undefined) uploads?.set('B', { ...upload, id: 'B', key });
}

/** What main saved for post: what it made and did not undo. */
export const leftFor = (state: Record<string, string>): { kind: string; key?: string }[] =>
  (JSON.parse(state.left ?? '{"made":[]}') as { made: { kind: string; key?: string }[] }).made;

/** Inspects the cloud after every request: records states that must never occur, and lists what is left in the end. */
export class Watch {
  readonly seen: string[] = [];
  private readonly simulator: Simulator;
  private readonly oldId: string | undefined;
  private readonly before: string;
  private readonly images: Set<string>;
  private readonly keys: Set<string>;

  /** @param other - a watch of the same cloud */
  constructor(simulator: Simulator, oldId: string | undefined, other?: Watch) {
    this.simulator = simulator;
    this.oldId = oldId;
    this.images = other?.images ?? new Set(simulator.world.images.map(({ id }) => id).filter((id) => id !== oldId));
    this.keys = other?.keys ?? new Set(simulator.world.bucket(BUCKET)?.objects.keys());
    this.before = other?.before ?? this.neighbours();
  }

  /** Everything that existed before, except the old image. */
  private neighbours(): string {
    const { world } = this.simulator;
    const [account] = world.accounts;
    const bucket = world.bucket(BUCKET);
    const keys = [...(bucket?.objects.keys() ?? [])].filter((key) => this.keys.has(key));
    return JSON.stringify({
      images: world.images
        .filter(({ id }) => this.images.has(id))
        .map(({ id, name, status, tags }) => [id, name, status, tags]),
      roles: account?.roles.filter(({ name }) => name === 'neighbour'),
      buckets: world.buckets.filter(({ name }) => name !== BUCKET).map(({ name }) => name),
      objects: keys.map((key) => [key, bucket?.objects.get(key)?.[0]?.etag]),
      uploads: [...(bucket?.uploads.keys() ?? [])].filter((id) => id.length === 1),
    });
  }

  /** The images that the run may change. */
  mine() {
    return this.simulator.world.images.filter(({ id }) => !this.images.has(id));
  }

  holders() {
    return this.mine().filter(({ name, region }) => name === NAME && region === REGION);
  }

  /** Call this after every request. */
  look({ n, operation, violation }: RecordedRequest): void {
    const note = (text: string) => {
      if (!this.seen.some((one) => one.endsWith(text))) this.seen.push(`after ${n} ${operation}: ${text}`);
    };
    if (violation !== undefined) note(violation);
    if (this.neighbours() !== this.before) note('something of the user has changed');
    if (this.oldId === undefined) return;
    const between = this.mine()
      .map(({ name }) => name.replace(NAME, ''))
      .sort()
      .join();
    if (
      this.holders().length === 0 &&
      !/^(-(importing|plain)-[\w.-]+,)+-replaced-m-\w+(,-replaced-m-\w+)*$/.test(between)
    )
      note(`no ${NAME} (${between})`);
    if (this.holders().some(({ status }) => status !== 'Available')) note('the name is held by an unfinished image');
  }

  /** What is left, one line each, without images that hold the name. */
  left(): string[] {
    const { world } = this.simulator;
    const bucket = world.bucket(BUCKET);
    const keys = [...(bucket?.objects.keys() ?? [])].filter((key) => !this.keys.has(key));
    const uploads = [...(bucket?.uploads.values() ?? [])].filter(({ id }) => id.length > 1);
    return [
      ...keys.map((key) => `object ${key}`),
      ...uploads.map(({ key }) => `upload ${key}`),
      ...this.mine()
        .filter((image) => image.name !== NAME || image.status !== 'Available')
        .map(({ name, status }) => `image ${name} ${status}`),
      ...world.tasks.filter(({ status }) => status === 'Processing').map(({ imageId }) => `task of ${imageId}`),
    ];
  }
}
