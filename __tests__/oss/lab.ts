import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  startSimulator,
  type Options,
  type RecordedRequest,
  type Simulator,
  type User,
} from '../../simulator/index.ts';
import { openAgent } from '../../src/cloud/agents.ts';
import { openOss, type Oss } from '../../src/oss/client.ts';
import type { Source } from '../../src/oss/reader.ts';
import { pseudoRandom, writeDisk } from '../support/scene.ts';
import type { ChildJob, ChildResult } from './child.ts';
import { KEY } from './staging.ts';

export { KEY, MARK, staging } from './staging.ts';

export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;
export type Piece = [offset: number, bytes: Buffer];

/** A cloud, and a client of its bucket `packer` as the action opens it. */
export interface Lab {
  simulator: Simulator;
  oss: Oss;
  agent: Agent;
  /** The lines of the log. */
  lines: string[];
  /** A new directory for files. */
  directory: string;
}

export async function openLab(options: Options = {}): Promise<Lab> {
  const simulator = await startSimulator(options);
  setDefaultCACertificates([simulator.ca]);
  const directory = mkdtempSync(join(tmpdir(), 'engine-'));
  // urllib warns of every request that is stopped. The action shows these warnings only in debug logs.
  const { warn } = console;
  console.warn = () => undefined;
  onTestFinished(async () => {
    console.warn = warn;
    await simulator.close();
    rmSync(directory, { recursive: true });
  });
  return { simulator, directory, ...openClient(simulator) };
}

/** Opens a client as the run does, with the keys of `who`. */
export function openClient(simulator: Simulator, who: User = simulator.admin) {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const keys = { accessKeyId: who.accessKeyId, accessKeySecret: who.secret };
  const agent = openAgent(simulator.env);
  const connection = {
    credentials: Object.assign(() => Promise.resolve(keys), { forget: () => true }),
    agent,
    log: { info: say, warning: say },
    clock: { behind: 0 },
    deadline: { at: Infinity },
  };
  return {
    oss: openOss({ region: 'cn-beijing', bucket: 'packer', host: 'oss-cn-beijing.aliyuncs.com' }, connection),
    agent,
    lines,
  };
}

/** A sparse file of `size` bytes with pieces in it, opened for the upload until the test ends. */
export async function openFile(path: string, size: number, pieces: Piece[]): Promise<Source> {
  await writeDisk(path, size, pieces);
  const handle = await open(path);
  onTestFinished(() => handle.close().catch(() => undefined));
  return { handle, size };
}

/** A file of `count` data parts of 128 KiB, with 1 MiB of zeros after each. */
export async function openFragments(path: string, count: number): Promise<Source> {
  const pieces = Array.from({ length: count }, (_, at): Piece => [at * 1.125 * MIB, pseudoRandom(MIB / 8, at + 1)]);
  return openFile(path, count * 1.125 * MIB, pieces);
}

export const sent = ({ simulator }: Pick<Lab, 'simulator'>, operation: string): RecordedRequest[] =>
  simulator.record.filter((request) => request.operation === `oss:${operation}`);

/** Number of calls of each operation, failed ones included. */
export function counts({ simulator }: Pick<Lab, 'simulator'>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { operation } of simulator.record) {
    const name = operation.replace('oss:', '');
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

/** All items of an iterable (Array.fromAsync, which the types lack). */
export async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Whether the object is the file. */
export const isFile = ({ simulator }: Pick<Lab, 'simulator'>, path: string, key = KEY): Promise<boolean> =>
  simulator.world.sameAsFile('packer', key, path);

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const FAST = new URL('../support/fast-time.ts', import.meta.url).href;

/** Runs `upload` in a process of its own, which must end by itself. `speed` is that of the simulator's clock. */
export async function inChild(
  { simulator }: Pick<Lab, 'simulator'>,
  job: Omit<ChildJob, 'keys'>,
  { speed, nodeOptions = '', env = {} }: { speed?: number; nodeOptions?: string; env?: Record<string, string> } = {},
): Promise<ChildResult> {
  const { accessKeyId, secret } = simulator.admin;
  const keys = { accessKeyId, accessKeySecret: secret };
  const fast = speed === undefined ? '' : `--import=${FAST}`;
  const child = spawn(process.execPath, [CHILD, JSON.stringify({ ...job, keys })], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...simulator.env,
      NODE_OPTIONS: `${fast} ${nodeOptions}`.trim(),
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
      ...env,
    },
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the child ended with ${code}`);
  return JSON.parse(Buffer.concat(output).toString()) as ChildResult;
}
