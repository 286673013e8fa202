import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, DiskError, oneLine, PackedDisk, shellQuote, u64be } from '../disk.ts';
import type { Container, ConvertedFormat, DiskImage, Format } from '../disk.ts';
import { assertUnchanged, openDisk, openFile } from '../inspect.ts';
import { isQcow2 } from '../qcow2.ts';
import { isVhd } from '../vhd.ts';
import { foreignKind } from '../foreign.ts';
import { convert, INSTALL } from './convert.ts';
import { headSource } from './pick.ts';
import { noSpace, type Programs } from './program.ts';
import { assertSpace, claimedSize } from './size.ts';
import { writeSparse } from './sparse.ts';
import { disksIn, type Inner } from './stream.ts';

export interface Unpacking {
  /** For the unpacked files. It is created when it is needed, and the caller removes it. */
  folder: string;
  /** The folder in which the files must be that a disk names. */
  workspace: string;
  /** Is called only when a file has to be unpacked. */
  programs: () => Promise<Programs>;
  /** Bytes of the largest disk. */
  limit: number;
  /** Whether only headers are read and nothing is written. */
  headersOnly: boolean;
  /** Is called with a share from 0 to 1. */
  onProgress: (what: 'unpacked' | 'converted', share: number) => void;
}

const READ = 2 ** 18;
/** A converted disk is RAW even if its first bytes look different: its guest wrote them. */
const RAW = 'RAW';
const isConverted = (kind: string | undefined): kind is ConvertedFormat => /^(vmdk|vdi|vhdx|qcow2)$/.test(kind ?? '');

/**
 * Opens a disk image as `openDisk` does. A packed or foreign one is unpacked to a sparse file first; any other file costs no
 * extra read. The caller closes `handle` and removes the folder.
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
      `format is ${claimed}, but the file is converted and ECS gets RAW. Set format to RAW or leave it empty.`,
    ]);
  const programs = await unpacking.programs();
  if (isForeign && programs.qemuImg === undefined)
    throw new DiskError([
      `${problems.join(' ')} Or install qemu-img on the runner, and this action converts the file: ${INSTALL}`,
    ]);
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
    const disk = isForeign
      ? await openDisk(made, RAW, boots)
      : await openUnpacked(made, claimed, boots, programs, unpacking);
    return { ...disk, container };
  } catch (error) {
    const failure = asDiskError(error);
    if (failure === undefined) throw error;
    const named = (problem: string) => problem.replaceAll(`${made}.raw`, 'DISK').replaceAll(made, 'DISK');
    throw new DiskError(
      failure.problems.map(named).map((text) => (text.includes(quoted) ? text : `${quoted}: ${text}`)),
    );
  } finally {
    await handle.close();
  }
}

/** The error as a problem of the file; undefined for an error in this program. */
function asDiskError(error: unknown): DiskError | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof DiskError) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') return noSpace();
  return syscall === undefined ? undefined : new DiskError([`Unpacking failed: ${oneLine(message)}.`]);
}

/** Unpacks into a file. @returns the containers, for people */
async function unpack(
  handle: FileHandle,
  { path, kind, size }: Container,
  into: string,
  programs: Programs,
  { folder, limit, onProgress }: Unpacking,
): Promise<string> {
  const claim = await claimedSize(kind, handle, path, programs);
  if (claim > limit) throw new DiskError([`It unpacks to ${bytes(claim)}; ECS takes at most ${bytes(limit)}.`]);
  // Only the packed bytes are certain to need space: zeros become holes, and a tar may contain plain zeros.
  if (kind !== 'tar') await assertSpace(folder, size, claim);
  const source = contents(handle, (read) => {
    onProgress('unpacked', read / size);
  });
  let layers: string[] = [];
  for await (const inner of disksIn(source, programs, limit)) {
    ({ layers } = inner);
    await writeSparse(into, inner.body.rest());
  }
  return layers.join(', in it ');
}

/** Opens an unpacked file, which may be a foreign disk. */
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
    return await openDisk(raw, claimed ?? RAW, boots);
  }
}

const toRaw = (
  kind: ConvertedFormat,
  path: string,
  into: string,
  around: string | undefined,
  programs: Programs,
  { limit, headersOnly, onProgress }: Unpacking,
): Promise<number> => {
  const converted = (share: number) => {
    onProgress('converted', share);
  };
  return convert(kind, path, into, { around, limit, programs, headersOnly, onProgress: converted });
};

/** What the headers of a packed or foreign disk say; a size of 0 where they give none. Opens a handle of its own. */
async function look(container: Container, programs: Programs, unpacking: Unpacking): Promise<DiskImage> {
  const { path, kind, identity } = container;
  const warnings = [`${shellQuote(path)}: only its headers were read, not its checksums and not the disk inside.`];
  const handle = await openFile(path);
  try {
    const disk = { path, handle, warnings, identity, allocated: 0, bootMode: undefined, headersOnly: true } as const;
    if (isConverted(kind)) {
      const size = await toRaw(kind, path, '', unpacking.workspace, programs, unpacking);
      return { ...disk, container, size, virtualSize: size, format: 'RAW' };
    }
    const claim = await claimedSize(kind, handle, path, programs);
    const { layers, head, size = layers.length === 1 ? claim : 0 } = await firstDisk(handle, programs, unpacking);
    const shown = { ...disk, container: { ...container, kind: layers.join(', in it ') } };
    if (isConverted(foreignKind(head)?.packed)) return { ...shown, size: 0, virtualSize: 0, format: 'RAW' };
    const file = headSource(head, size);
    const format = (await isQcow2(file)) ? 'QCOW2' : (await isVhd(file)) ? 'VHD' : 'RAW';
    return { ...shown, size, virtualSize: format === 'QCOW2' ? u64be(head, 24) : size, format };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function firstDisk(handle: FileHandle, programs: Programs, { limit }: Unpacking): Promise<Inner> {
  for await (const inner of disksIn(
    contents(handle, () => undefined),
    programs,
    limit,
  ))
    return inner;
  throw new DiskError(['It contains no disk.']);
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
