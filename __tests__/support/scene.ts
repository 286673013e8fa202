import { open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { startSimulator, type Options, type Simulator, type User } from '../../simulator/index.ts';
import { Job, type StageOptions, type StageResult } from '../../runner/job.ts';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const MIB = 1024 ** 2;
/** NODE_OPTIONS that make the action use the simulated clock. */
export const preload = `--import=${pathToFileURL(join(ROOT, '__tests__/support/fast-time.ts')).href}`;

/** The inputs that every run needs besides credentials, as in the README. */
export const INPUTS = {
  path: 'disk.raw',
  region: 'cn-beijing',
  oss_bucket_name: 'packer',
  image_name: 'packer_import',
  image_os_type: 'linux',
  image_platform: 'CentOS',
  image_architecture: 'x86_64',
};

/** A cloud, a runner and a disk image: everything for one run of the committed bundle. */
export interface Scene {
  simulator: Simulator;
  job: Job;
  /** Path of the disk image in the workspace. */
  disk: string;
  /** Inputs of the README's example. */
  inputs: Record<string, string>;
  main(inputs?: Record<string, string>, options?: StageOptions): Promise<StageResult>;
  post(inputs?: Record<string, string>, options?: StageOptions): Promise<StageResult>;
}

interface Closing {
  close: () => Promise<void>;
}

export interface SceneOptions extends Options {
  /** The user whose keys the action gets; an administrator when absent. */
  user?: (simulator: Simulator) => User;
  env?: Record<string, string>;
  /** Writes the disk image; a small bootable one when absent. */
  write?: (path: string) => Promise<void>;
}

/** Opens a scene in which time runs `speed` (60) times as fast for action and cloud. Closes when the test ends. */
export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  const { close, ...scene } = await makeScene(options);
  onTestFinished(close);
  return scene;
}

/** A scene that the caller closes, for tests with many of them. */
export async function makeScene({ user, env, write = smallDisk, ...options }: SceneOptions): Promise<Scene & Closing> {
  const simulator = await startSimulator({ speed: 60, ...options });
  const job = new Job({
    actionDir: ROOT,
    nodeOptions: preload,
    onSpawn: simulator.world.clock.follow,
    env: runnerEnv(simulator, user?.(simulator) ?? simulator.admin, env),
  });
  const disk = join(job.workspace, 'disk.raw');
  await write(disk);
  const inputs = { ...INPUTS, image_system_size: '40' };
  return {
    close: async () => {
      await job.close();
      await simulator.close();
    },
    simulator,
    job,
    disk,
    inputs,
    main: (more, stage) => job.run('main', { ...inputs, ...more }, stage),
    post: (more, stage) => job.run('post', { ...inputs, ...more }, stage),
  };
}

/** The environment of a job: the proxy into the cloud, the simulated clock, and the keys of the user. */
export function runnerEnv({ env }: Simulator, { accessKeyId, secret }: User, more: Record<string, string> = {}) {
  return {
    ...env,
    ALICLOUD_ACCESS_KEY: accessKeyId,
    ALICLOUD_SECRET_KEY: secret,
    ...more,
  };
}

/** A disk with an MBR, some data, a long run of zeros, and a size that is no multiple of the part size. */
export async function smallDisk(path: string): Promise<void> {
  const size = 24 * MIB + 512;
  await writeDisk(path, size, [
    [0, bootSector()],
    [MIB, pseudoRandom(2 * MIB, 1)],
    [20 * MIB, pseudoRandom(700_000, 2)],
    [size - 512, pseudoRandom(512, 3)],
  ]);
}

/** An MBR with boot code and one partition, at the first MiB unless told otherwise. */
export function bootSector(first = 2048, sectors = 40_000): Buffer {
  const mbr = Buffer.alloc(512);
  mbr.write('\u00eb\u0063', 0, 'latin1'); // boot code
  mbr.set([0x80, 0, 2, 0, 0x83, 0xff, 0xff, 0xff], 446);
  mbr.writeUInt32LE(first, 454);
  mbr.writeUInt32LE(sectors, 458);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}

/** Writes pieces at their offsets (bytes) into a sparse file of `size` bytes. */
export async function writeDisk(path: string, size: number, pieces: [offset: number, bytes: Buffer][]): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(size);
  for (const [offset, bytes] of pieces) await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

/** Pseudo-random bytes, the same for the same seed (xorshift32). */
export function pseudoRandom(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** The requests of an operation, such as `ecs:ImportImage`, in order. */
export const requests = ({ simulator }: Scene, operation: string) =>
  simulator.record.filter((request) => request.operation === operation);
