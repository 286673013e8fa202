import { statfs, type FileHandle } from 'node:fs/promises';
import { DiskError, type Container } from '../disk.ts';
import { bytes, shellQuote } from '../text.ts';
import { runProgram, type Programs } from './program.ts';
import { zstdSize } from './zstd.ts';

/**
 * The unpacked size in bytes that a compressed file claims; 0 if it claims none. gzip stores only the lowest 32 bits, and
 * bzip2 stores nothing.
 * @throws DiskError when xz finds that the file is damaged
 */
export async function claimedSize({ kind, path }: Container, handle: FileHandle, programs: Programs): Promise<number> {
  if (kind === 'zstd') return zstdSize((await handle.read(Buffer.alloc(32), 0, 32, 0)).buffer) ?? 0;
  if (kind !== 'xz' || programs.xz === undefined) return 0;
  let said = '';
  await runProgram(programs, programs.xz, ['--robot', '--list', '--force', path], (text) => {
    said += text;
  });
  // The fifth column is the uncompressed size (xz(1), "Robot mode").
  const totals = said.trimEnd().split('\n').at(-1)?.split('\t') ?? [];
  return totals[0] === 'totals' ? Number(totals[4]) : 0;
}

/**
 * Checks the free space.
 * @param needed bytes that are certainly written
 * @param most bytes of the whole file including zeros; 0 if unknown
 * @throws DiskError when the folder has less space
 */
export async function assertSpace(folder: string, needed: number, most: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (needed <= free) return;
  const needs = `${bytes(needed)}${most > needed ? ` or more (at most ${bytes(most)})` : ''}`;
  throw new DiskError([
    `Unpacking it needs ${needs}; ${shellQuote(folder)} has ${bytes(free)}. Free some space, or use a larger runner.`,
  ]);
}
