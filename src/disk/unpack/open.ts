import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, DiskError, PackedDisk, shellQuote, u64be } from '../disk.ts';
import type { Container, ConvertedFormat, DiskImage, Format } from '../disk.ts';
import { assertUnchanged, openDisk, openFile } from '../inspect.ts';
import { isQcow2 } from '../qcow2.ts';
import { isVhd } from '../vhd.ts';
import { convert, INSTALL } from './convert.ts';
import { headSource } from './pick.ts';
import { noSpace, type Programs } from './program.ts';
import { assertSpace, claimedSize } from './size.ts';
import { writeSparse } from './sparse.ts';
import { descend, type Inner } from './stream.ts';

export interface Unpacking {
  /** Where files may be made, and all are removed; made here when it is needed. */
  folder: string;
  /** Where the files must lie that a disk names. */
  workspace: string;
  /** Asked only when something has to be unpacked. */
  programs: () => Promise<Programs>;
  /** Bytes of the largest disk. */
  limit: number;
  /** Whether the disk is only looked at, as far as headers go: nothing is written. */
  headersOnly: boolean;
  /** Gets a share from 0 to 1. */
  onProgress: (what: string, share: number) => void;
}

const READ = 2 ** 20;
const isConverted = (kind: string): kind is ConvertedFormat => /^(vmdk|vdi|vhdx|qcow2)$/.test(kind);

/**
 * Opens a disk image as `openDisk` does; one that is packed or foreign is unpacked into a sparse file first. A file that ECS
 * takes as it is costs nothing more. The caller owns `handle`, and removes the folder.
 * @throws DiskError with every problem of the file
 */
export async function openAnyDisk(
  path: string,
  claimed: Format | undefined,
  boots: boolean,
  unpacking: Unpacking,
): Promise<DiskImage> {
  try {
    return await openDisk(path, claimed, boots);
  } catch (error) {
    if (!(error instanceof PackedDisk)) throw error;
    return await openPacked(path, error, claimed, boots, unpacking);
  }
}

async function openPacked(
  path: string,
  { packed, problems }: PackedDisk,
  claimed: Format | undefined,
  boots: boolean,
  unpacking: Unpacking,
): Promise<DiskImage> {
  const quoted = shellQuote(path);
  const isForeign = isConverted(packed);
  if (isForeign && claimed !== undefined && claimed !== 'RAW')
    throw new DiskError([
      ...problems,
      `format ${claimed}: the file is converted, so that ECS gets RAW. Name RAW, or no format.`,
    ]);
  const programs = await unpacking.programs();
  if (isForeign && programs.qemuImg === undefined)
    throw new DiskError([`${problems.join(' ')} With qemu-img on the runner it is converted here: ${INSTALL}`]);
  const handle = await openFile(path);
  const made = join(unpacking.folder, randomUUID());
  try {
    const identity = await handle.stat({ bigint: true });
    const container: Container = { path, kind: packed, size: Number(identity.size), identity };
    if (unpacking.headersOnly) return await look(container, programs, unpacking);
    await mkdir(unpacking.folder, { recursive: true, mode: 0o700 });
    if (isForeign) await toRaw(packed, path, made, unpacking.workspace, programs, unpacking);
    else container.kind = await unpack(handle, container, made, programs, unpacking);
    await assertUnchanged(container);
    const disk = await openUnpacked(made, claimed, boots, programs, unpacking);
    return { ...disk, container };
  } catch (error) {
    const failure = (error as NodeJS.ErrnoException).code === 'ENOSPC' ? noSpace() : error;
    if (!(failure instanceof DiskError)) throw failure;
    const named = (problem: string) => problem.replaceAll(`${made}.raw`, 'DISK').replaceAll(made, 'DISK');
    throw new DiskError(
      failure.problems.map(named).map((text) => (text.includes(quoted) ? text : `${quoted}: ${text}`)),
    );
  } finally {
    await handle.close();
  }
}

/** Unpacks into a file, and returns what was taken off, for people. */
async function unpack(
  handle: FileHandle,
  { path, kind, size }: Container,
  into: string,
  programs: Programs,
  { folder, limit, onProgress }: Unpacking,
): Promise<string> {
  const claim = await claimedSize(kind, handle, path, programs);
  if (claim > limit) throw new DiskError([`It unpacks to ${bytes(claim)}; ECS takes at most ${bytes(limit)}.`]);
  // Zeros take no space here, so that only the packed bytes are sure to need it; a tar may hold zeros as they are.
  if (kind !== 'tar') await assertSpace(folder, size, claim);
  let layers: string[] = [];
  const source = contents(handle, (read) => {
    onProgress('unpacked', read / size);
  });
  await descend(source, programs, async (inner) => {
    ({ layers } = inner);
    await writeSparse(into, inner.body.rest(), limit);
  });
  return layers.join(', in it ');
}

/** Opens what was unpacked, which may be a foreign disk in turn. */
async function openUnpacked(
  path: string,
  claimed: Format | undefined,
  boots: boolean,
  programs: Programs,
  unpacking: Unpacking,
): Promise<DiskImage> {
  try {
    return await openDisk(path, claimed, boots);
  } catch (error) {
    if (!(error instanceof PackedDisk) || !isConverted(error.packed)) throw error;
    const raw = `${path}.raw`;
    await toRaw(error.packed, path, raw, undefined, programs, unpacking);
    await rm(path);
    return await openDisk(raw, claimed, boots);
  }
}

const toRaw = (
  kind: ConvertedFormat,
  path: string,
  into: string,
  around: string | undefined,
  programs: Programs,
  { limit, headersOnly, onProgress }: Unpacking,
): Promise<number> =>
  convert(kind, path, into, { around, limit, programs, headersOnly }, (share) => {
    onProgress('converted', share);
  });

/** Thrown to end the reading of a container once its disk has begun. */
class Seen extends Error {
  readonly inner: Inner;

  constructor(inner: Inner) {
    super('seen');
    this.inner = inner;
  }
}

/** What the headers say of a packed or foreign disk. The handle is a new one. */
async function look(container: Container, programs: Programs, unpacking: Unpacking): Promise<DiskImage> {
  const { path, kind, identity } = container;
  const warnings = [`${shellQuote(path)}: only its headers were read; its checksums and the disk inside were not.`];
  const handle = await openFile(path);
  try {
    const disk = { path, handle, warnings, identity, allocated: 0, bootMode: undefined, headersOnly: true } as const;
    if (isConverted(kind)) {
      const size = await toRaw(kind, path, '', unpacking.workspace, programs, unpacking);
      return { ...disk, container, size, virtualSize: size, format: 'RAW' };
    }
    const claim = await claimedSize(kind, handle, path, programs);
    const { layers, head, size = claim } = await firstDisk(handle, programs);
    const file = headSource(head, size);
    const format = (await isQcow2(file)) ? 'QCOW2' : (await isVhd(file)) ? 'VHD' : 'RAW';
    const virtualSize = format === 'QCOW2' ? u64be(head, 24) : size;
    return { ...disk, container: { ...container, kind: layers.join(', in it ') }, size, virtualSize, format };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function firstDisk(handle: FileHandle, programs: Programs): Promise<Inner> {
  try {
    await descend(
      contents(handle, () => undefined),
      programs,
      (inner) => Promise.reject(new Seen(inner)),
    );
  } catch (error) {
    if (error instanceof Seen) return error.inner;
    throw error;
  }
  throw new DiskError(['It holds no disk.']);
}

async function* contents(handle: FileHandle, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ), 0, READ, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    onRead(at);
    yield buffer.subarray(0, bytesRead);
  }
}
