import type { ChildProcess } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { Gone } from '../../simulator/exchange.ts';
import type { RecordedRequest, Simulator, World } from '../../simulator/index.ts';
import type { StageOptions } from '../../runner/job.ts';
import { BUCKET, OPTIONS, Watch, type Arranged } from './endings.ts';
import { makeScene, type Scene } from './scene.ts';

/** The n-th request of an operation in a run. */
export interface Point {
  operation: string;
  nth: number;
}

/** The points of a recorded run, in order of appearance. */
export function pointsOf(record: RecordedRequest[]): Point[] {
  const counts = new Map<string, number>();
  return record.map(({ operation }) => {
    const nth = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, nth);
    return { operation, nth };
  });
}

/** Runs the action and kills it with SIGKILL, either before the request is executed or after it and before the answer. */
export async function killAt(
  { scene, watch }: { scene: Scene; watch: Watch },
  point: Point,
  when: 'before' | 'after',
  stage: StageOptions = {},
) {
  const { simulator } = scene;
  let child: ChildProcess | undefined;
  let count = 0;
  let hit: RecordedRequest | undefined;
  const kill = async () => {
    const gone = new Promise((done) => child?.once('exit', done));
    child?.kill('SIGKILL');
    await gone;
  };
  simulator.before = async (request) => {
    if (hit !== undefined || request.operation !== point.operation || ++count !== point.nth) return;
    hit = request;
    if (when === 'after') return;
    await kill();
    throw new Gone('killed');
  };
  simulator.after = async (request) => {
    watch.look(request);
    if (request === hit && when === 'after') await kill();
  };
  const { state } = await scene.main({}, { ...stage, onSpawn: (one) => (child = one) });
  simulator.before = undefined;
  return { hit: hit !== undefined, state };
}

/** A copy of the scene: the same cloud at the same time, on a new runner. */
export async function fork({ scene, old, watch }: Arranged): Promise<Arranged> {
  const { world, admin } = scene.simulator;
  const keys = { ALICLOUD_ACCESS_KEY: admin.accessKeyId, ALICLOUD_SECRET_KEY: admin.secret };
  const twin = await makeScene({ ...OPTIONS, origin: world.clock.now(), speed: world.clock.speed, env: keys });
  await copyFile(scene.disk, twin.disk);
  Object.assign(twin.inputs, scene.inputs);
  cloneWorld(scene.simulator, twin.simulator);
  const forked = { scene: twin, old, watch: new Watch(twin.simulator, old?.id, watch) };
  twin.simulator.after = (request) => {
    forked.watch.look(request);
  };
  return forked;
}

/** Copies everything in one cloud into another. */
export function cloneWorld({ world }: Simulator, into: Simulator): void {
  const { accounts, sessions, buckets, images, snapshots, tasks, lagging } = world;
  // Both clouds read the same files, which must exist until both are closed.
  for (const { blob } of extentsOf(world)) blob.references += 1;
  Object.assign(into.world, structuredClone({ accounts, sessions, buckets, images, snapshots, tasks, lagging }));
}

function extentsOf({ buckets }: World) {
  const objects = buckets.flatMap((bucket) => [...bucket.objects.values()].flat());
  const parts = buckets.flatMap((bucket) =>
    [...bucket.uploads.values()].flatMap((upload) => [...upload.parts.values()]),
  );
  return [...objects, ...parts].flatMap(({ extents }) => extents);
}

/** What a killed run left in cloud and state, without ids and times: equal results need only one recovery test. */
export function fingerprint({ scene, watch, old }: Arranged, state: Record<string, string>): string {
  const { world } = scene.simulator;
  const uploads = [...(world.bucket(BUCKET)?.uploads.values() ?? [])];
  const text = JSON.stringify([
    watch.left(),
    watch.holders().map(({ id, status }) => [id === old?.id, status]),
    uploads.map(({ parts }) => [...parts.keys()].sort()),
    world.accounts[0]?.roles.map(({ name, policies }) => [name, policies.length]),
    world.buckets.map(({ name, lifecycle }) => [name, lifecycle !== undefined]),
    { ...state, unpacked: undefined },
  ]);
  return text.replace(/\b(m|t)-2ze\w+|\b[0-9A-F]{32}(-\d+)?\b|\b1[.-][\da-f]{8}\b|(nonce|account)\W+\w+/g, '#');
}

/** Processes a list, several entries at a time. */
export async function inParallel<T>(list: T[], atATime: number, work: (one: T) => Promise<void>): Promise<void> {
  const queue = list.values();
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      for (const one of queue) await work(one);
    }),
  );
}
