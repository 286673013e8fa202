import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { AGAIN, boundedSource, bytes, DiskError, Findings, oneLine, shellQuote } from './disk.ts';
import type { DiskImage, Format, Inside, Source } from './disk.ts';
import { isForeign } from './foreign.ts';
import { readTable } from './partitions.ts';
import { inspectQcow2, isQcow2 } from './qcow2.ts';
import { inspectVhd, isVhd } from './vhd.ts';

const ISO_9660_AT = 32769;

/**
 * Opens a disk image and checks everything that can be known from at most 16 MiB of it. The caller owns `handle`.
 * @param claimed the format that the user named; contradicting the content is an error
 * @param boots whether a system must boot from it; without, warnings about booting are left out
 * @throws DiskError with every problem of the file; PackedDisk where the runner may be able to solve them
 */
export async function openDisk(path: string, claimed?: Format, boots = true): Promise<DiskImage> {
  const handle = await openFile(path);
  try {
    return await inspect(path, handle, claimed, boots);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Whether the content of a file is a disk image beyond doubt: a magic number or a partition table. Never throws. */
export async function holdsDisk(path: string): Promise<boolean> {
  const handle = await openFile(path).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    return await isDisk(boundedSource(handle, (await handle.stat()).size));
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** Whether bytes are a disk image beyond doubt. @throws DiskError */
export async function isDisk(file: Source): Promise<boolean> {
  if ((await isQcow2(file)) || (await isVhd(file))) return true;
  const table = await readTable(file, new Findings(''), false);
  return table.kind === 'GPT' || table.partitions.some(({ start, end }) => start > 0 && end <= file.size);
}

/**
 * Proves that what was read is still the file under its name: same device, inode, size, and times of change.
 * @throws DiskError that says what changed
 */
export async function assertUnchanged(disk: Pick<DiskImage, 'path' | 'identity'>): Promise<void> {
  const { path, identity: was } = disk;
  const now = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw new DiskError([`${shellQuote(path)} is gone since it was opened (${reason(cause)}).`]);
  });
  const changed: string[] = [];
  if (now.dev !== was.dev || now.ino !== was.ino) changed.push('it was replaced by another file');
  if (now.size !== was.size) changed.push(`its size went from ${was.size} to ${now.size} bytes`);
  if (now.mtimeNs !== was.mtimeNs) changed.push('it was written to');
  else if (now.ctimeNs !== was.ctimeNs) changed.push('it was renamed, or its owner, mode or links were changed');
  if (changed.length === 0) return;
  throw new DiskError([`${shellQuote(path)} changed while it was read: ${changed.join(', ')}. Run this step again.`]);
}

async function inspect(path: string, handle: FileHandle, claimed: Format | undefined, boots: boolean) {
  const findings = new Findings(path);
  const { quoted, problems, warnings } = findings;
  const identity = await handle.stat({ bigint: true });
  const size = Number(identity.size);
  if (size === 0) throw new DiskError([`${quoted}: the file is empty. ${AGAIN}`]);
  const file = boundedSource(handle, size);
  const format: Format = (await isQcow2(file)) ? 'QCOW2' : (await isVhd(file)) ? 'VHD' : 'RAW';
  if (format === 'RAW' && (await isForeign(file, findings))) throw findings.error();

  const suffix = /\.(raw|vhd|qcow2)$/i.exec(path)?.[1]?.toUpperCase() ?? format;
  if (suffix !== format) findings.warn(`named like ${suffix}, its content is ${format}.`);
  const { virtualSize, guest } = await { RAW: inspectRaw, VHD: inspectVhd, QCOW2: inspectQcow2 }[format](
    file,
    findings,
  );
  const table = guest && problems.length === 0 ? await readTable(guest, findings, boots) : undefined;
  // A disk may have been an ISO once; where it still is one, a partition holds the marker or there is none.
  const iso = table?.partitions.every(({ start }) => start <= ISO_9660_AT) === true;
  if (iso && (await guest?.read(ISO_9660_AT, 5))?.toString('latin1') === 'CD001')
    findings.problem('an ISO image, not a disk image. Name the disk that was installed from it.');
  if (claimed !== undefined && claimed !== format)
    findings.problem(
      `claimed to be ${claimed}, its content is ${format}. Name ${format}, or no format: it is detected.`,
    );
  if (problems.length > 0) throw findings.error();
  return {
    path,
    handle,
    size,
    format,
    virtualSize,
    allocated: Number(identity.blocks) * 512,
    bootMode: table?.bootMode,
    warnings,
    identity,
  };
}

function inspectRaw(file: Source, findings: Findings): Inside {
  // A disk is whole sectors: anything else is a file that was cut off, or no disk.
  if (file.size % 512 !== 0)
    findings.problem(
      `${bytes(file.size)}, not a multiple of 512: it is cut off or no disk image. ${AGAIN} ` +
        `If it is complete, run: truncate --size=%512 ${findings.quoted}`,
    );
  return { virtualSize: file.size, guest: file };
}

export async function openFile(path: string): Promise<FileHandle> {
  // O_NONBLOCK, because opening a named pipe would wait for its writer for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    const fix = (cause as NodeJS.ErrnoException).code === 'EACCES' ? ` Run: sudo chmod a+r ${shellQuote(path)}` : '';
    throw new DiskError([`Cannot open ${shellQuote(path)}: ${reason(cause)}.${fix}`]);
  });
  const facts = await handle.stat();
  if (facts.isFile()) return handle;
  await handle.close();
  const kind = facts.isDirectory() ? 'a directory' : 'a device or pipe';
  throw new DiskError([`${shellQuote(path)} is ${kind}, not a file.`]);
}

function reason(cause: unknown): string {
  return oneLine((cause as NodeJS.ErrnoException).code ?? String(cause));
}
