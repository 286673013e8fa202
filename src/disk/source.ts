import type { FileHandle } from 'node:fs/promises';
import { DiskError } from './disk.ts';
import { oneLine } from './text.ts';

/** Random access to a file or to the disk inside it. Bytes beyond `size` read as zero. */
export interface Source {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** The disk inside a file: its size in bytes, and its content when the headers make sense. */
export interface Inside {
  virtualSize: number;
  guest?: Source;
}

const READ_LIMIT = 16 * 1024 ** 2;

/**
 * Reads from a file of `size` bytes, at most 16 MiB in total, so that no hostile header makes inspection read a whole disk.
 * Reads throw DiskError beyond that limit and when the file cannot be read.
 */
export function boundedSource(handle: FileHandle, size: number): Source {
  let left = READ_LIMIT;
  return {
    size,
    async read(offset, length) {
      left -= length;
      if (left < 0) throw new DiskError(['The file is damaged: its headers take more than 16 MiB.']);
      const buffer = Buffer.alloc(length);
      if (offset < 0 || offset >= size) return buffer;
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done).catch((cause: unknown) => {
          throw new DiskError([`Reading the file failed: ${oneLine(String(cause))}`]);
        });
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer;
    },
  };
}

/** A disk whose blocks are scattered in a file. `piece` reads within one block and returns undefined for zeros. */
export function blockwise(
  size: number,
  block: number,
  piece: (offset: number, length: number) => Promise<Buffer | undefined>,
): Source {
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const whole = Buffer.alloc(length);
    for (let done = 0; done < length && offset + done < size;) {
      const part = Math.min(length - done, block - ((offset + done) % block));
      (await piece(offset + done, part))?.copy(whole, done);
      done += part;
    }
    return whole;
  };
  return { size, read };
}

/** A big-endian 64-bit number; Infinity when a double cannot hold it, so that every range check fails. */
export const u64be = (buffer: Buffer, at: number): number => safe(buffer.readBigUInt64BE(at));

/** Like `u64be`, little-endian. */
export const u64le = (buffer: Buffer, at: number): number => safe(buffer.readBigUInt64LE(at));

const safe = (value: bigint): number => (value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value));
