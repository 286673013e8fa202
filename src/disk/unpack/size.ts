import { statfs, type FileHandle } from 'node:fs/promises';
import { bytes, DiskError, shellQuote } from '../disk.ts';
import { runProgram, type Programs } from './program.ts';
import { zstdSize } from './zstd.ts';

/**
 * Bytes that a compressed file says it unpacks to; 0 where it does not say. gzip keeps only the lowest 32 bits of it, and
 * bzip2 nothing.
 * @throws DiskError when xz finds the file damaged
 */
export async function claimedSize(kind: string, handle: FileHandle, path: string, programs: Programs): Promise<number> {
  if (kind === 'zstd') return zstdSize((await handle.read(Buffer.alloc(32), 0, 32, 0)).buffer) ?? 0;
  if (kind !== 'xz' || programs.xz === undefined) return 0;
  let said = '';
  await runProgram(programs, programs.xz, ['--robot', '--list', '--force', path], (text) => {
    said += text;
  });
  // The columns of xz(1), "Robot mode": the fifth is the uncompressed size.
  const totals = said.trimEnd().split('\n').at(-1)?.split('\t') ?? [];
  return totals[0] === 'totals' ? Number(totals[4]) : 0;
}

/**
 * @param needed bytes that are written for sure
 * @param most bytes of the whole file, zeros included; 0 where it is not known
 * @throws DiskError when the folder has less space
 */
export async function assertSpace(folder: string, needed: number, most: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (needed <= free) return;
  const needs = `${bytes(needed)}${most > needed ? ` or more (at most ${bytes(most)})` : ''}`;
  throw new DiskError([
    `Unpacking it takes ${needs}; ${shellQuote(folder)} has ${bytes(free)}. Free some space, or take a larger runner.`,
  ]);
}
