import { open } from 'node:fs/promises';

const BLOCK = 4096;
const ZEROS = Buffer.alloc(2 ** 20);

/**
 * Writes a stream to a file and leaves holes for blocks of zeros. Replaces an existing file.
 * @throws the error of the file system, ENOSPC when the disk is full
 */
export async function writeSparse(path: string, source: AsyncIterable<Buffer>): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  let size = 0;
  try {
    for await (const chunk of source) {
      for (const [start, end] of dataRuns(chunk, size))
        for (let at = start; at < end;) at += (await handle.write(chunk, at, end - at, size + at)).bytesWritten;
      size += chunk.length;
    }
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
}

/** The runs of blocks that are not all zeros. Blocks are aligned in the file, where the chunk begins at `offset`. */
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
