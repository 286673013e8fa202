import { open } from 'node:fs/promises';
import { bytes, DiskError } from '../disk.ts';
import { noSpace } from './program.ts';

const BLOCK = 4096;
const ZEROS = Buffer.alloc(2 ** 20);

/**
 * Writes a stream to a file, leaving holes for whole blocks of zeros. A file that is there is replaced.
 * @param limit bytes of the file, holes included; more end it
 * @returns bytes of the file, and bytes that were written
 * @throws DiskError when the disk is full or the limit is passed
 */
export async function writeSparse(
  path: string,
  source: AsyncIterable<Buffer>,
  limit: number,
): Promise<{ size: number; written: number }> {
  const handle = await open(path, 'w', 0o600);
  let size = 0;
  let written = 0;
  try {
    for await (const chunk of source) {
      if (size + chunk.length > limit)
        throw new DiskError([`It unpacks to more than ${bytes(limit)}, the largest disk that ECS takes.`]);
      for (const [start, end] of dataRuns(chunk, size)) {
        for (let at = start; at < end;) at += (await handle.write(chunk, at, end - at, size + at)).bytesWritten;
        written += end - start;
      }
      size += chunk.length;
    }
    await handle.truncate(size);
    return { size, written };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? noSpace() : error;
  } finally {
    await handle.close();
  }
}

/** Runs of blocks that are not all zeros, blocks as they lie in the file; `offset` is where the chunk begins there. */
function dataRuns(chunk: Buffer, offset: number): [number, number][] {
  if (isZero(chunk, 0, chunk.length)) return [];
  const runs: [number, number][] = [];
  for (let start = 0; start < chunk.length;) {
    const end = Math.min(chunk.length, start + BLOCK - ((offset + start) % BLOCK));
    const last = runs.at(-1);
    if (!isZero(chunk, start, end)) {
      if (last?.[1] === start) last[1] = end;
      else runs.push([start, end]);
    }
    start = end;
  }
  return runs;
}

function isZero(chunk: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += ZEROS.length) {
    const length = Math.min(end - at, ZEROS.length);
    if (ZEROS.compare(chunk, at, at + length, 0, length) !== 0) return false;
  }
  return true;
}
