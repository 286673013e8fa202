import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskError, type Container, type ConvertedFormat, type DiskImage, type Format, type Packed } from '../disk.ts';
import { u64be } from '../source.ts';
import { bytes, oneLine, shellQuote } from '../text.ts';
import { assertUnchanged, openDisk, openFile, otherFormat } from '../inspect.ts';
import { isQcow2 } from '../qcow2.ts';
import { isVhd } from '../vhd.ts';
import { foreignKind } from '../foreign.ts';
import { convert, INSTALL } from './convert.ts';
import { headSource } from './pick.ts';
import { noSpace, type Unpacking } from './program.ts';
import { assertSpace, claimedSize } from './size.ts';
import { writeSparse } from './sparse.ts';
import { disksIn, type Inner } from './stream.ts';

/** How a disk is opened. */
export interface Opening extends Unpacking {
  /** For the unpacked files. It is created when it is needed, and the caller removes it. */
  folder: string;
  /** The folder in which the files must be that a disk names. */
  workspace: string;
  /** The format that the user gave. */
  claimed: Format | undefined;
  /** Whether a system must boot from the disk. */
  boots: boolean;
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
export async function openAnyDisk(path: string, opening: Opening): Promise<DiskImage> {
  try {
    return await openDisk(path, opening.claimed, opening.boots);
  } catch (error) {
    if (!(error instanceof DiskError) || error.packed === undefined) throw error;
    if (isConverted(error.packed)) await assertConvertible(error.problems, opening);
    return await openPacked(path, error.packed, opening);
  }
}

async function assertConvertible(problems: string[], { claimed, programs }: Opening): Promise<void> {
  if (claimed !== undefined && claimed !== RAW)
    throw new DiskError([
      ...problems,
      `format is ${claimed}, but the file is converted and ECS gets RAW. Set format to RAW or leave it empty.`,
    ]);
  if ((await programs()).qemuImg === undefined)
    throw new DiskError([
      `${problems.join(' ')} Or install qemu-img on the runner, and this action converts the file: ${INSTALL}`,
    ]);
}

async function openPacked(path: string, packed: Packed, opening: Opening): Promise<DiskImage> {
  const { folder, workspace, boots } = opening;
  const made = join(folder, randomUUID());
  const handle = await openFile(path);
  try {
    const identity = await handle.stat({ bigint: true });
    const container: Container = { path, kind: packed, size: Number(identity.size), identity };
    if (opening.headersOnly) return await look(container, handle, opening);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (isConverted(packed)) await convert(packed, path, made, workspace, opening);
    else container.kind = await unpack(handle, container, made, opening);
    await assertUnchanged(container);
    await handle.close();
    const disk = isConverted(packed) ? await openDisk(made, RAW, boots) : await openUnpacked(made, opening);
    return { ...disk, container };
  } catch (error) {
    await handle.close();
    const failure = asDiskError(error);
    if (failure === undefined) throw error;
    const quoted = shellQuote(path);
    const named = failure.problems.map((text) => text.replaceAll(`${made}.raw`, 'DISK').replaceAll(made, 'DISK'));
    throw new DiskError(named.map((text) => (text.includes(quoted) ? text : `${quoted}: ${text}`)));
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
async function unpack(handle: FileHandle, container: Container, into: string, opening: Opening): Promise<string> {
  const { folder, limit, onProgress } = opening;
  const { kind, size } = container;
  const programs = await opening.programs();
  const claim = await claimedSize(container, handle, programs);
  if (claim > limit) throw new DiskError([`It unpacks to ${bytes(claim)}; ECS takes at most ${bytes(limit)}.`]);
  // Only the packed bytes are certain to need space: zeros become holes, and a tar may contain plain zeros.
  if (kind !== 'tar') await assertSpace(folder, size, claim);
  const source = contents(handle, (read) => {
    onProgress('unpacked', read / size);
  });
  let layers: string[] = [];
  for await (const inner of disksIn(source, programs, limit)) {
    ({ layers } = inner);
    await writeSparse(into, inner.body.pieces());
  }
  return layers.join(', in it ');
}

/** Opens an unpacked file, which may be a foreign disk. */
async function openUnpacked(path: string, opening: Opening): Promise<DiskImage> {
  const { claimed, boots } = opening;
  try {
    return await openDisk(path, claimed, boots);
  } catch (error) {
    if (!(error instanceof DiskError) || !isConverted(error.packed)) throw error;
    const raw = `${path}.raw`;
    await convert(error.packed, path, raw, undefined, opening);
    await rm(path);
    return await openDisk(raw, claimed ?? RAW, boots);
  }
}

/** What the headers of a packed or foreign disk say; a size of 0 where they give none. */
async function look(container: Container, handle: FileHandle, opening: Opening): Promise<DiskImage> {
  const { path, kind, identity } = container;
  const warnings = [`${shellQuote(path)}: only its headers were read, not its checksums and not the disk inside.`];
  const disk = { path, handle, warnings, identity, allocated: 0, bootMode: undefined, headersOnly: true } as const;
  if (isConverted(kind)) {
    const size = await convert(kind, path, '', opening.workspace, opening);
    return { ...disk, container, size, virtualSize: size, format: RAW };
  }
  const { layers, head, size: known } = await firstDisk(handle, opening);
  const shown = { ...disk, container: { ...container, kind: layers.join(', in it ') } };
  if (isConverted(foreignKind(head)?.packed)) return { ...shown, size: 0, virtualSize: 0, format: RAW };
  const size = known ?? (layers.length === 1 ? await claimedSize(container, handle, await opening.programs()) : 0);
  const file = headSource(head, size);
  const format = (await isQcow2(file)) ? 'QCOW2' : (await isVhd(file)) ? 'VHD' : RAW;
  const { claimed = format } = opening;
  // Only the end of a fixed VHD shows that it is one.
  if (claimed !== format && !(claimed === 'VHD' && format === RAW)) throw new DiskError([otherFormat(claimed, format)]);
  return { ...shown, size, virtualSize: format === 'QCOW2' ? u64be(head, 24) : size, format };
}

async function firstDisk(handle: FileHandle, { programs, limit }: Opening): Promise<Inner> {
  const source = contents(handle, () => undefined);
  for await (const inner of disksIn(source, await programs(), limit)) return inner;
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
