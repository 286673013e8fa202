import { createZstdDecompress } from 'node:zlib';
import { DiskError } from '../disk.ts';
import { AGAIN } from '../text.ts';
import type { ByteReader } from './bytes.ts';
import { through } from './program.ts';

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** Bytes of output for each turn. Node's 16 KiB make 1.3 million turns of a disk of 20 GiB. */
const CHUNK = 2 ** 18;

/**
 * Unpacks all frames of a zstd file. Node's decompressor stops after the first frame and ignores the rest, so this function
 * separates the frames. pzstd writes one for each piece, with skippable frames between them.
 * Format: https://www.rfc-editor.org/rfc/rfc8878#section-3
 * @throws DiskError for damaged or cut-off data
 */
export async function* unzstd(reader: ByteReader): AsyncGenerator<Buffer> {
  while ((await reader.peek(1)).length > 0) {
    const magic = (await reader.peek(4)).length < 4 ? 0 : (await reader.peek(4)).readUInt32LE();
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      const head = await reader.take(8);
      await reader.skip(head.readUInt32LE(4));
    } else if (magic === FRAME) yield* through(frame(reader), createZstdDecompress({ chunkSize: CHUNK }));
    else throw new DiskError([`The zstd data is damaged: something else follows it. ${AGAIN}`]);
  }
}

/** The bytes of one frame. */
async function* frame(reader: ByteReader): AsyncGenerator<Buffer> {
  const flags = (await reader.peek(5)).at(4) ?? 0;
  yield await reader.take(5 + sizeAt(flags) + sizeLength(flags));
  for (let last = false; !last;) {
    // A block of zeros has 4 bytes, so all blocks that are at hand are passed on together.
    const held = await reader.peek(CHUNK);
    let length = 0;
    while (!last && length + 3 <= held.length) {
      const block = held.readUIntLE(length, 3);
      last = (block & 1) === 1;
      // A block of type 1 stores one byte, which is repeated.
      length += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
    }
    yield* reader.pieces(Math.max(length, 3));
  }
  if ((flags & 4) !== 0) yield await reader.take(4);
}

/** Bytes of the window descriptor and dictionary id, which precede the content size. */
const sizeAt = (flags: number): number => ((flags & 32) === 0 ? 1 : 0) + ([0, 1, 2, 4][flags & 3] ?? 0);

const sizeLength = (flags: number): number => [(flags & 32) === 0 ? 0 : 1, 2, 4, 8][flags >> 6] ?? 0;

/** The unpacked size in bytes that the first frame claims; undefined if it claims none. */
export function zstdSize(head: Buffer): number | undefined {
  if (head.length < 18 || head.readUInt32LE() !== FRAME) return undefined;
  const flags = head.readUInt8(4);
  const at = 5 + sizeAt(flags);
  const length = sizeLength(flags);
  if (length === 0) return undefined;
  if (length === 8) return Number(head.readBigUInt64LE(at));
  return head.readUIntLE(at, length) + (length === 2 ? 256 : 0);
}
