import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { boundedSource, bytes, DiskError, shellQuote, type ConvertedFormat, type Source } from '../disk.ts';
import { foreignKind } from '../foreign.ts';
import { isQcow2 } from '../qcow2.ts';
import { isVhd } from '../vhd.ts';
import { namedFile, qcow2Names, vmdkExtents, type Around } from './named.ts';
import { runProgram, type Programs } from './program.ts';
import { assertSpace } from './size.ts';

/** What qemu-img is told of a file: the driver and every file that it opens, so that no header chooses one. */
interface Driver {
  driver: string;
  file: { driver: 'file'; filename: string };
  backing?: Driver | null;
  'data-file'?: { driver: 'file'; filename: string };
}

const CHAIN_LIMIT = 16;

export interface Conversion {
  /** Folder in which other files must lie that the disk names. */
  around: Around;
  /** Bytes of the largest disk. */
  limit: number;
  programs: Programs;
  /** Whether the disk is only looked at. */
  headersOnly: boolean;
}

/**
 * Converts a disk to a sparse RAW file, and returns its size in bytes.
 * @param onProgress gets a share from 0 to 1
 * @throws DiskError
 */
export async function convert(
  kind: ConvertedFormat,
  path: string,
  into: string,
  { around, limit, programs, headersOnly }: Conversion,
  onProgress: (share: number) => void,
): Promise<number> {
  const { qemuImg } = programs;
  if (qemuImg === undefined)
    throw new DiskError([
      `${shellQuote(path)} is a disk in the format ${kind}, and this runner has no qemu-img to convert it. Run: ${INSTALL}`,
    ]);
  const source = `json:${JSON.stringify(await driverOf(kind, path, around, CHAIN_LIMIT))}`;
  // With a backing file in its words, qemu-img info refuses the source; the header says as much.
  const size = kind === 'qcow2' ? await withSource(path, qcow2Size) : await sizeOf(source, qemuImg, programs);
  if (size > limit)
    throw new DiskError([`${shellQuote(path)}: a disk of ${bytes(size)}; ECS takes at most ${bytes(limit)}.`]);
  if (headersOnly) return size;
  await assertSpace(dirname(into), await dataOf(source, qemuImg, programs), size);
  // -S: what is zeros for 4 KiB becomes a hole.
  const args = ['convert', '-p', '-S', '4k', '-O', 'raw', source, `file:${into}`];
  await runProgram(programs, qemuImg, args, (text) => {
    const percent = /([\d.]+)\/100%[^%]*$/.exec(text)?.[1];
    if (percent !== undefined) onProgress(Number(percent) / 100);
  });
  return size;
}

export const INSTALL = 'sudo apt-get install -y qemu-utils';

/** Bytes of the disk in a QCOW2 (https://www.qemu.org/docs/master/interop/qcow2.html). */
const qcow2Size = async (file: Source): Promise<number> => Number((await file.read(24, 8)).readBigUInt64BE());

/** Bytes of a disk. */
async function sizeOf(source: string, qemuImg: string, programs: Programs): Promise<number> {
  let info = '';
  await runProgram(programs, qemuImg, ['info', '--output=json', source], (text) => {
    info += text;
  });
  return Number(/"virtual-size": (\d+)/.exec(info)?.[1] ?? NaN);
}

/** Bytes of a disk that are data. */
async function dataOf(source: string, qemuImg: string, programs: Programs): Promise<number> {
  let data = 0;
  let line = '';
  await runProgram(programs, qemuImg, ['map', '--output=json', source], (text) => {
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const one of lines) if (one.includes('"data": true')) data += Number(/"length": (\d+)/.exec(one)?.[1] ?? 0);
  });
  return data;
}

async function driverOf(
  kind: ConvertedFormat | 'raw' | 'vpc',
  path: string,
  around: Around,
  left: number,
): Promise<Driver> {
  const driver: Driver = { driver: kind, file: { driver: 'file', filename: path } };
  if (kind === 'vmdk') await checkExtents(path, around);
  if (kind !== 'qcow2') return driver;
  const { backing, data } = await withSource(path, qcow2Names);
  if (data !== undefined) driver['data-file'] = { driver: 'file', filename: await namedFile(data, path, around) };
  // Without a word qemu-img follows the name in the header.
  driver.backing = null;
  if (backing !== undefined) {
    if (left === 0) throw new DiskError([`${shellQuote(path)}: more than ${CHAIN_LIMIT} backing files.`]);
    const next = await namedFile(backing, path, around);
    driver.backing = await driverOf(await backingKind(next), next, around, left - 1);
  }
  return driver;
}

async function backingKind(path: string): Promise<ConvertedFormat | 'raw' | 'vpc'> {
  return withSource(path, async (file) => {
    if (await isQcow2(file)) return 'qcow2';
    if (await isVhd(file)) return 'vpc';
    const kind = foreignKind(await file.read(0, 512));
    if (kind !== undefined) throw new DiskError([`${shellQuote(path)}, a backing file, is ${kind.is}.`]);
    return 'raw';
  });
}

/** qemu-img opens the extents by the names in the descriptor, and descriptors in these again. */
async function checkExtents(path: string, around: Around): Promise<void> {
  for (const name of await withSource(path, vmdkExtents)) {
    const extent = await namedFile(name, path, around);
    const inner = await withSource(extent, async (file) =>
      foreignKind(await file.read(0, 512))?.packed === 'vmdk' ? vmdkExtents(file, extent) : [],
    );
    if (inner.length > 0) throw new DiskError([`${shellQuote(extent)}: an extent that names further files.`]);
  }
}

async function withSource<T>(path: string, read: (file: Source, path: string) => Promise<T>): Promise<T> {
  const handle = await open(path);
  try {
    return await read(boundedSource(handle, (await handle.stat()).size), path);
  } finally {
    await handle.close();
  }
}
