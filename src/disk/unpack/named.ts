import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { bytes, DiskError, oneLine, shellQuote, u64be, u64le, type Source } from '../disk.ts';

/** Where the files may lie that a disk names; undefined for a disk out of an archive, which has no files beside it. */
export type Around = string | undefined;

const DESCRIPTOR_LIMIT = 65536;
const SECTOR = 512;

/**
 * The real path of a file that a disk's header names.
 * @param from path of the disk
 * @param around folder that the file must lie in
 * @throws DiskError when it is no plain name of a file in there
 */
export async function namedFile(name: string, from: string, around: Around): Promise<string> {
  const named = `${shellQuote(from)} names another file, ${oneLine(name)}`;
  if (around === undefined) throw new DiskError([`${named}. A disk that is unpacked must be complete in one file.`]);
  // Also "json:" and what else qemu-img takes for more than a name.
  if (/[:\0]/.test(name)) throw new DiskError([`${named}, which is no plain file name.`]);
  const real = await realpath(resolve(dirname(await realpath(from)), name)).catch(() => undefined);
  if (real === undefined) throw new DiskError([`${named}, which does not exist. Keep it beside the disk.`]);
  const way = relative(await realpath(around), real);
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new DiskError([`${named}, which lies outside of ${shellQuote(around)}.`]);
  if (!(await stat(real)).isFile()) throw new DiskError([`${named}, which is not a file.`]);
  return real;
}

/**
 * Names of the files that hold the data of a VMDK disk: none for a disk that is one file. Formats: VMware's "Virtual Disk
 * Format 5.0", and what qemu's block/vmdk.c reads of it.
 * @throws DiskError for a disk that depends on a parent
 */
export async function vmdkExtents(file: Source, path: string): Promise<string[]> {
  const head = await file.read(0, SECTOR);
  if (head.toString('latin1', 0, 4) === 'COWD') return [];
  const isSparse = head.toString('latin1', 0, 4) === 'KDMV';
  const [at, length] = isSparse ? [u64le(head, 28) * SECTOR, u64le(head, 36) * SECTOR] : [0, file.size];
  if (!isSparse && length > DESCRIPTOR_LIMIT)
    throw new DiskError([`${shellQuote(path)}: a VMDK descriptor of ${bytes(length)}: it is damaged.`]);
  const text = (await file.read(at, Math.min(length, DESCRIPTOR_LIMIT))).toString('utf8');
  if (/parentFileNameHint/i.test(text)) {
    const run = 'Export the disk as a whole, without snapshots.';
    throw new DiskError([`${shellQuote(path)}: a VMDK disk that holds only the difference to a parent. ${run}`]);
  }
  // With a capacity of its own the file is the only extent, under whatever name it was made.
  if (isSparse && u64le(head, 12) !== 0) return [];
  return [...text.matchAll(/^[^=\n"]*"([^\n\r"]*)/gm)].map(([, name = '']) => name);
}

/** Names in the header of a QCOW2 file: its backing file and its external data file. */
export async function qcow2Names(file: Source): Promise<{ backing?: string; data?: string }> {
  const header = await file.read(0, 112);
  const text = async (at: number, length: number) => (await file.read(at, length)).toString('utf8');
  const backingAt = u64be(header, 8);
  const names: { backing?: string; data?: string } = {};
  if (backingAt !== 0) names.backing = await text(backingAt, Math.min(header.readUInt32BE(16), 1023));
  const hasData = header.readUInt32BE(4) === 3 && (header.readBigUInt64BE(72) & 4n) !== 0n;
  if (!hasData) return names;
  names.data = '';
  for (let at = header.readUInt32BE(100), end = at + DESCRIPTOR_LIMIT; at < end;) {
    const extension = await file.read(at, 8);
    const [type, length] = [extension.readUInt32BE(0), extension.readUInt32BE(4)];
    if (type === 0 || length > 4096) break;
    if (type === DATA_FILE_NAME) names.data = await text(at + 8, length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return names;
}

/** Header extension, https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst */
const DATA_FILE_NAME = 0x44415441;
