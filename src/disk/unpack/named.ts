import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { DiskError } from '../disk.ts';
import { u64be, u64le, type Source } from '../source.ts';
import { bytes, oneLine, shellQuote } from '../text.ts';
import { isInside } from '../find.ts';

/** The folder in which the files must be that a disk names; undefined for a disk from a container, which has none. */
export type Around = string | undefined;

const DESCRIPTOR_LIMIT = 65536;
const SECTOR = 512;

/**
 * The real path of a file that a disk names.
 * @param from real path of the disk
 * @throws DiskError unless it is a plain name of a file in the folder `around`
 */
export async function namedFile(name: string, from: string, around: Around): Promise<string> {
  const named = `${shellQuote(from)} names another file, ${oneLine(name)}`;
  if (around === undefined) throw new DiskError([`${named}. A disk inside a container must be complete in one file.`]);
  // qemu-img takes a name with a colon for a protocol, for example "json:" or "nbd:".
  if (/[:\0]/.test(name)) throw new DiskError([`${named}, which is not a plain file name.`]);
  // The system resolves "..", because it goes up from the target of a link.
  const real = await realpath(isAbsolute(name) ? name : `${dirname(from)}/${name}`).catch(() => undefined);
  if (real === undefined) throw new DiskError([`${named}, which does not exist. Keep it beside the disk.`]);
  if (!(await isInside(around, real))) throw new DiskError([`${named}, which is outside of ${shellQuote(around)}.`]);
  return real;
}

/** A part of a VMDK disk, in order. All numbers are bytes. */
interface Extent {
  size: number;
  type: string;
  /** Undefined for zeros. */
  name?: string;
  offset: number;
}

/**
 * The extents that a VMDK descriptor lists; undefined for a disk in one file. Formats: VMware's "Virtual Disk Format 5.0"
 * and qemu's block/vmdk.c.
 * @throws DiskError for a damaged descriptor and for a disk that depends on a parent
 */
export async function vmdkExtents(file: Source, path: string): Promise<Extent[] | undefined> {
  const head = await file.read(0, SECTOR);
  const magic = head.toString('latin1', 0, 4);
  const isOneFile = magic === 'COWD' || magic === 'KDMV';
  // Without a capacity of its own, the descriptor inside lists other files.
  if (magic === 'KDMV' && u64le(head, 12) === 0)
    throw new DiskError([`${shellQuote(path)}: the VMDK header has no capacity. Export the disk again.`]);
  if (!isOneFile && file.size > DESCRIPTOR_LIMIT)
    throw new DiskError([`${shellQuote(path)}: a VMDK descriptor of ${bytes(file.size)} is damaged.`]);
  const text = (await file.read(isOneFile ? SECTOR : 0, DESCRIPTOR_LIMIT)).toString('utf8').replace(/\0.*$/s, '');
  if (/parentFileNameHint/i.test(text))
    throw new DiskError([
      `${shellQuote(path)}: this VMDK disk holds only the differences from a parent disk. ` +
        'Export the whole disk, without snapshots.',
    ]);
  if (isOneFile) return undefined;
  const lines = text.matchAll(/^(?:RW|RDONLY)\s+(\d+)\s+(\w+)(?:\s+"([^"\n]*)"(?:[^\S\n]+(\d+))?)?/gm);
  return [...lines].map(([, sectors, type = '', name, offset = '0']) => ({
    size: Number(sectors) * SECTOR,
    type,
    ...(type !== 'ZERO' && { name: name ?? '' }),
    offset: Number(offset) * SECTOR,
  }));
}

interface Qcow2Names {
  backing?: string;
  /** The format of the backing file, where the header gives it. */
  backingFormat?: string;
  data?: string;
}

// Header extensions, https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst
const BACKING_FORMAT = 0xe2792aca;
const DATA_FILE_NAME = 0x44415441;

/** The files that the header of a QCOW2 image names. */
export async function qcow2Names(file: Source): Promise<Qcow2Names> {
  const header = await file.read(0, 112);
  const text = async (at: number, length: number) => (await file.read(at, length)).toString('utf8');
  const isV3 = header.readUInt32BE(4) === 3;
  const backingAt = u64be(header, 8);
  const names: Qcow2Names = {};
  if (backingAt !== 0) names.backing = await text(backingAt, Math.min(header.readUInt32BE(16), 1023));
  if (isV3 && (header.readBigUInt64BE(72) & 4n) !== 0n) names.data = '';
  for (let at = isV3 ? header.readUInt32BE(100) : 72, end = at + DESCRIPTOR_LIMIT; at < end;) {
    const extension = await file.read(at, 8);
    const [type, length] = [extension.readUInt32BE(0), extension.readUInt32BE(4)];
    if (type === 0 || length > 4096) break;
    if (type === BACKING_FORMAT) names.backingFormat = await text(at + 8, length);
    if (type === DATA_FILE_NAME && names.data !== undefined) names.data = await text(at + 8, length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return names;
}
