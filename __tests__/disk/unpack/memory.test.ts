import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GiB, MiB } from '../build.ts';
import { hasTools, made } from './unpack.ts';

/** Unpacks `disk.zst` as a program. Prints the path of the disk and its highest resident set (not maxRSS: see oss/child.ts). */
const CHILD = `
  import { readFileSync } from 'node:fs';
  import { openAnyDisk } from ${JSON.stringify(join(import.meta.dirname, '../../../src/disk/unpack/open.ts'))};
  const workspace = process.cwd();
  const settings = { folder: workspace + '/unpacked', workspace, limit: 2 ** 41, headersOnly: false, boots: false };
  const calls = { programs: async () => ({}), onProgress() {} };
  const { path, size, handle } = await openAnyDisk('disk.zst', { ...settings, ...calls });
  await handle.close();
  const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
  console.log(JSON.stringify({ path, size, peak: peak * 1024 }));`;

/** GiB of zeros around 256 MiB of data. */
const SIZE = process.env.MATRIX === 'whole' ? 20 : 6;

test.skipIf(!hasTools)(`unpacking a disk of ${SIZE} GiB takes less than 224 MiB of memory and writes no zeros`, () => {
  const folder = made(`head -c 1G /dev/zero | zstd -q > zeros; head -c 256M /dev/urandom | zstd -q > data
    for i in $(seq ${SIZE / 2}); do cat zeros; done > half; cat half data half > disk.zst`);
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', CHILD], { cwd: folder, encoding: 'utf8' });
  const { path, size, peak } = JSON.parse(said) as { path: string; size: number; peak: number };
  expect(size).toBe(SIZE * GiB + 256 * MiB);
  expect(peak).toBeLessThan(224 * MiB);
  expect(statSync(path).blocks * 512).toBeLessThan(257 * MiB);
});
