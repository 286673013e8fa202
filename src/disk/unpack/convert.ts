import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DiskError, type ConvertedFormat } from '../disk.ts';
import { AGAIN, bytes, shellQuote } from '../text.ts';
import { assertUnchanged } from '../inspect.ts';
import { Chain, type Held } from './chain.ts';
import type { Around } from './named.ts';
import { runProgram, type Programs, type Unpacking } from './program.ts';
import { assertSpace } from './size.ts';

export const INSTALL = 'sudo apt-get install -y qemu-utils';

/**
 * Converts a disk to a sparse RAW file. With `headersOnly`, nothing is written.
 * @returns bytes of the disk
 * @throws DiskError when the disk is damaged, too large, or names a file that it must not name
 */
export async function convert(
  kind: ConvertedFormat,
  path: string,
  into: string,
  around: Around,
  { limit, headersOnly, onProgress, ...unpacking }: Unpacking,
): Promise<number> {
  const programs = await unpacking.programs();
  const { qemuImg } = programs;
  if (qemuImg === undefined)
    throw new DiskError([
      `${shellQuote(path)}: converting a ${kind} disk needs qemu-img, which this runner does not have. Run: ${INSTALL}`,
    ]);
  const chain = new Chain(around, headersOnly ? undefined : `${into}.vmdk`);
  const driver = await chain.layer(kind, await realpath(path));
  const source = `json:${JSON.stringify(driver)}`;
  const size = chain.size ?? (await sizeOf(source, qemuImg, programs));
  if (!(size <= limit))
    throw new DiskError([`${shellQuote(path)}: a disk of ${bytes(size)}; ECS takes at most ${bytes(limit)}.`]);
  if (headersOnly) return size;
  await assertSpace(dirname(into), await dataOf(source, chain.layers, qemuImg, programs), size);
  // -S 4k: 4 KiB of zeros or more become a hole.
  const args = ['convert', '-p', '-S', '4k', '-O', 'raw', source, `file:${into}`];
  await runProgram(programs, qemuImg, args, (text) => {
    const percent = /([\d.]+)\/100%[^%]*$/.exec(text)?.[1];
    if (percent !== undefined) onProgress('converted', Number(percent) / 100);
  });
  for (const file of chain.files) await assertUnchanged(file);
  return size;
}

/** Bytes of a disk, from its header. */
async function sizeOf(source: string, qemuImg: string, programs: Programs): Promise<number> {
  let info = '';
  await runProgram(programs, qemuImg, ['info', '--output=json', source], (text) => {
    info += text;
  });
  return Number((JSON.parse(info) as Record<string, unknown>)['virtual-size']);
}

/**
 * Bytes of data in a disk.
 * @throws DiskError when some are beyond the end of their file, where qemu-img would read zeros
 */
async function dataOf(source: string, layers: Held[][], qemuImg: string, programs: Programs): Promise<number> {
  let data = 0;
  let line = '';
  let missing = 0;
  await runProgram(programs, qemuImg, ['map', '--output=json', source], (text) => {
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const one of lines) {
      const field = (name: string) => Number(new RegExp(`"${name}": (\\d+)`).exec(one)?.[1]);
      if (!one.includes('"data": true')) continue;
      if (!one.includes('"zero": true')) data += field('length');
      const held = layers[field('depth')]?.find(({ until }) => field('start') < until);
      if (held !== undefined && field('offset') + field('length') > held.size) missing += 1;
    }
  });
  if (missing > 0) throw new DiskError([`The disk is cut off: a part of its data is missing. ${AGAIN}`]);
  return data;
}
