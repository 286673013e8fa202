/** A packed disk: the non-zero blocks of a disk image, gzipped. 4 GiB of mostly zeros fit into kilobytes. */
import { open } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';

/*
 * The gzipped data, with big-endian numbers: size of the disk in bytes (8), then for each block offset (8), length (4), bytes.
 */
const BLOCK = 4096;
const ZERO = Buffer.alloc(BLOCK);
const MIB = 1024 * 1024;

/** Packs the image at `path`, whose size is a whole number of MiB; equal images give equal bytes. */
export async function packDisk(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const pieces = [number(size)];
    const buffer = Buffer.alloc(MIB);
    for (let offset = 0; offset < size; offset += MIB) {
      await file.read(buffer, 0, MIB, offset);
      for (let at = 0; at < MIB; at += BLOCK) {
        const block = buffer.subarray(at, at + BLOCK);
        if (!block.equals(ZERO)) pieces.push(number(offset + at), number(BLOCK).subarray(4), Buffer.from(block));
      }
    }
    return gzipSync(Buffer.concat(pieces), { level: 9 });
  } finally {
    await file.close();
  }
}

/** Writes the packed disk to `path` as a raw image. Blocks that were not packed become holes. */
export async function unpackDisk(packed: Buffer, path: string): Promise<void> {
  const bytes = gunzipSync(packed);
  const file = await open(path, 'wx');
  try {
    await file.truncate(Number(bytes.readBigUInt64BE(0)));
    for (let at = 8; at < bytes.length;) {
      const offset = Number(bytes.readBigUInt64BE(at));
      const length = bytes.readUInt32BE(at + 8);
      await file.write(bytes, at + 12, length, offset);
      at += 12 + length;
    }
  } finally {
    await file.close();
  }
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
