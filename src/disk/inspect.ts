import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { DiskError, Findings, type DiskImage, type Format } from './disk.ts';
import { boundedSource, type Inside, type Source } from './source.ts';
import { AGAIN, bytes, oneLine, shellQuote } from './text.ts';
import { isForeign } from './foreign.ts';
import { readTable } from './partitions.ts';
import { inspectQcow2, isQcow2 } from './qcow2.ts';
import { inspectVhd, isVhd } from './vhd.ts';

const ISO_9660_AT = 32769;

/**
 * Opens a disk image and checks all that its headers show, in at most 16 MiB. The caller closes `handle`.
 * @param claimed the format that the user gave; it is an error if the content has another
 * @param boots whether a system must boot from it; otherwise there are no warnings about booting
 * @throws DiskError with every problem of the file
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

/** Whether the content of a file is certainly a disk image: a magic number or a partition table. Never throws. */
export const holdsDisk = (path: string): Promise<boolean> => withFile(path, isDisk).catch(() => false);

/** Whether the bytes are certainly a disk image. @throws DiskError */
export async function isDisk(file: Source): Promise<boolean> {
  if ((await isQcow2(file)) || (await isVhd(file))) return true;
  const table = await readTable(file, new Findings(''), false);
  return table.kind === 'GPT' || table.partitions.some(({ start, end }) => start > 0 && end <= file.size);
}

/**
 * Checks that the file under this name is still the one that was read: same device, inode, size and change times.
 * @throws DiskError that says what changed
 */
export async function assertUnchanged(disk: Pick<DiskImage, 'path' | 'identity'>): Promise<void> {
  const { path, identity: was } = disk;
  const now = await stat(path, { bigint: true }).catch((cause: unknown) => {
    throw new DiskError([`${shellQuote(path)} was deleted after it was opened (${reason(cause)}).`]);
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
  if (suffix !== format) findings.warn(`the name says ${suffix}, but the content is ${format}.`);
  const { virtualSize, guest } = await { RAW: inspectRaw, VHD: inspectVhd, QCOW2: inspectQcow2 }[format](
    file,
    findings,
  );
  const table = guest && problems.length === 0 ? await readTable(guest, findings, boots) : undefined;
  // A disk may contain the marker of an old ISO image. It is one only if no partition begins behind the marker.
  const iso = table?.partitions.every(({ start }) => start <= ISO_9660_AT) === true;
  if (iso && (await guest?.read(ISO_9660_AT, 5))?.toString('latin1') === 'CD001')
    findings.problem('the file is an ISO image, not a disk image. Set path to the disk that was installed from it.');
  if (claimed !== undefined && claimed !== format) findings.problem(otherFormat(claimed, format));
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

export const otherFormat = (claimed: Format, format: Format): string =>
  `format is ${claimed}, but the content is ${format}. Set format to ${format} or leave it empty.`;

function inspectRaw(file: Source, findings: Findings): Inside {
  // A disk consists of whole sectors.
  if (file.size % 512 !== 0)
    findings.problem(
      `the size of ${bytes(file.size)} is not a multiple of 512: the file is cut off or not a disk image. ${AGAIN} ` +
        `If it is complete, run: truncate --size=%512 ${findings.quoted}`,
    );
  return { virtualSize: file.size, guest: file };
}

export async function openFile(path: string): Promise<FileHandle> {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
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

/** Opens a file, lets `read` read at most 16 MiB of it, and closes it. @throws DiskError when it cannot be opened */
export async function withFile<T>(
  path: string,
  read: (file: Source, identity: DiskImage['identity']) => T | Promise<T>,
): Promise<T> {
  const handle = await openFile(path);
  try {
    const identity = await handle.stat({ bigint: true });
    return await read(boundedSource(handle, Number(identity.size)), identity);
  } finally {
    await handle.close();
  }
}

const reason = (cause: unknown): string => oneLine((cause as NodeJS.ErrnoException).code ?? String(cause));
