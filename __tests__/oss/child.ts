/** One upload as a process of its own, to test memory, fast time, and that the process ends. */
import { open, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openAgent } from '../../src/cloud/agents.ts';
import { dataExtents, type Extent } from '../../src/disk/extents.ts';
import { openOss } from '../../src/oss/client.ts';
import { upload, type StagedObject } from '../../src/oss/upload.ts';
import { staging } from './staging.ts';

export interface ChildJob {
  path: string;
  keys: { accessKeyId: string; accessKeySecret: string };
  /** Path of python3, which finds the extents. */
  python3?: string;
}
export interface ChildResult {
  staged?: StagedObject;
  error?: { code: string; message: string };
  lines: string[];
  /** Highest resident set, MiB. */
  rss: number;
  /** Longest delay of the event loop, ms. */
  delay: number;
}

const { path, keys, python3 } = JSON.parse(process.argv[2] ?? '') as ChildJob;
const lines: string[] = [];
const say = (line: string): void => void lines.push(line);
const connection = {
  credentials: Object.assign(() => Promise.resolve(keys), { forget: () => true }),
  agent: openAgent(process.env),
  log: { info: say, warning: say },
  clock: { behind: 0 },
  deadline: { at: Infinity },
};
// Silences the warnings of urllib.
console.warn = () => undefined;
const oss = openOss({ region: 'cn-beijing', bucket: 'packer', host: 'oss-cn-beijing.aliyuncs.com' }, connection);
const handle = await open(path);
const { size, blocks } = await handle.stat();
const extents: Extent[] = await dataExtents({ handle, size, allocated: blocks * 512 }, python3);
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
const result = await upload(oss, { handle, size, extents }, staging()).then(
  (staged) => ({ staged }),
  (error: unknown) => ({ error: { code: (error as { code: string }).code, message: (error as Error).message } }),
);
await handle.close();
// Not maxRSS: on Linux it includes the memory of the parent at the time of the fork.
const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile('/proc/self/status', 'latin1').catch(() => ''))?.[1];
const rss = Number(peak ?? process.resourceUsage().maxRSS) / 1024;
const measured = { ...result, lines, rss, delay: delays.max / 1e6 };
delays.disable();
process.stdout.write(JSON.stringify(measured));
// No exit here: the upload must not keep the process alive.
