import type { FileHandle } from 'node:fs/promises';
import { CloudError } from '../cloud/errors.ts';
import { GRAIN, type Block } from './cut.ts';

/** The file to be uploaded. It is opened once. */
export interface Source {
  handle: FileHandle;
  /** Bytes. */
  size: number;
  /** The runs that may hold data, in order. All else is zero and is not read. Absent: the whole file. */
  extents?: { offset: number; length: number }[];
  /** Called before the upload is completed. @throws if the file has changed since it was opened */
  assertUnchanged?: () => Promise<void>;
}

/** Bytes of one read in the search for zeros. */
const LOOK = 8 * GRAIN;

/** Splits the file into blocks of zeros and of data, in order. @throws CloudError `FileChanged`, `FileUnreadable` */
export async function* blocks(source: Source): AsyncGenerator<Block> {
  const { size } = source;
  const buffer = Buffer.allocUnsafeSlow(LOOK);
  const nothing = Buffer.alloc(GRAIN);
  let at = 0;
  for (const { from, to } of grains(source.extents ?? [{ offset: 0, length: size }], size)) {
    if (from > at) yield { offset: at, length: from - at, zero: true };
    for (at = from; at < to;) {
      const length = Math.min(LOOK, to - at);
      await readFully(source, buffer, length, at);
      for (let start = 0; start < length; start += GRAIN) {
        const end = Math.min(start + GRAIN, length);
        // For data, the first byte nearly always decides.
        const zero = buffer[start] === 0 && buffer.compare(nothing, 0, end - start, start, end) === 0;
        yield { offset: at + start, length: end - start, zero };
      }
      at += length;
    }
  }
  if (at < size) yield { offset: at, length: size - at, zero: true };
}

/** Widens extents to whole grains and merges them. */
function grains(extents: { offset: number; length: number }[], size: number): { from: number; to: number }[] {
  const wide: { from: number; to: number }[] = [];
  for (const { offset, length } of extents) {
    const from = offset - (offset % GRAIN);
    const to = Math.min(size, Math.ceil((offset + length) / GRAIN) * GRAIN);
    const last = wide.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else wide.push({ from, to });
  }
  return wide;
}

/** Reads `length` bytes of the file into the buffer. @throws CloudError `FileChanged` at its end, `FileUnreadable` */
export async function readFully({ handle }: Source, buffer: Buffer, length: number, offset: number): Promise<void> {
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(buffer, done, length - done, offset + done).catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : 'unknown';
      throw new CloudError('file:read', 'FileUnreadable', `at byte ${offset + done}: ${cause}`);
    });
    if (bytesRead === 0) throw new CloudError('file:read', 'FileChanged', `the file now ends at byte ${offset + done}`);
    done += bytesRead;
  }
}
