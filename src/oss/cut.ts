/** Size of the blocks that are tested for zeros, in bytes; more than the smallest part that OSS takes (100 KB). */
export const GRAIN = 128 * 1024;

/** The limit of OSS (https://help.aliyun.com/document_detail/31993.html). */
const MOST_PARTS = 10_000;
const MIB = 1024 ** 2;

/** A run of bytes that are all zero, or not. Blocks follow each other without a gap. */
export interface Block {
  offset: number;
  length: number;
  zero: boolean;
}

/** A part of the multipart upload. Numbers begin with 1 and follow the offsets. */
export interface Part extends Block {
  number: number;
}

/**
 * Length of a data part in bytes: 512 KiB in a small file, so that all connections have work to the end; 4 MiB from 2 GiB,
 * so that requests cost little; at most 8,000 parts in all.
 */
export function dataPart(size: number): number {
  const small = Math.min(4 * MIB, Math.max(MIB / 2, size / 512));
  return Math.ceil(Math.max(small, size / 8_000) / GRAIN) * GRAIN;
}

/**
 * Length of a zero part and of the zero object, in bytes: a power of two of at most 64 MiB, or more where there would be over
 * 4,096 zero parts. Each MiB of the object costs one copy, and so does each zero part: a small file needs a small object.
 */
export function zeroPart(size: number): number {
  let length = MIB;
  while (length < 64 * MIB ? length * length < size * MIB : size / length > 4_096) length *= 2;
  return length;
}

/**
 * Cuts a file into parts: zero runs of 1 MiB and more, and data. The result depends only on the size and the bytes, not on
 * how the blocks were found. In a fragmented file that would run out of part numbers, only longer zero runs are cut out.
 */
export async function* cut(blocks: AsyncIterable<Block>, size: number): AsyncGenerator<Part> {
  const dataLength = dataPart(size);
  const zeroLength = zeroPart(size);
  let number = 0;
  function* pieces(from: number, to: number, length: number, zero: boolean): Generator<Part> {
    for (let offset = from; offset < to; offset += length) {
      yield { number: ++number, offset, length: Math.min(length, to - offset), zero };
    }
  }

  let done = 0; // all bytes before this offset are in a part
  let zeros: { from: number; least: number } | undefined; // the zero run at the end of the blocks seen so far
  let long = false; // whether this run is worth a cut
  for await (const { offset, length, zero } of blocks) {
    const end = offset + length;
    if (zero) {
      zeros ??= { from: offset, least: worthACut(size - offset, MOST_PARTS - number, dataLength) };
      if (!long && end - zeros.from >= zeros.least) {
        long = true;
        yield* pieces(done, zeros.from, dataLength, false);
        done = zeros.from;
      }
      if (!long) continue;
      const whole = end - done - ((end - done) % zeroLength);
      yield* pieces(done, done + whole, zeroLength, true);
      done += whole;
    } else {
      if (long) {
        yield* pieces(done, offset, zeroLength, true);
        done = offset;
      }
      zeros = undefined;
      long = false;
      const whole = end - done - ((end - done) % dataLength);
      yield* pieces(done, done + whole, dataLength, false);
      done += whole;
    }
  }
  yield* pieces(done, size, long ? zeroLength : dataLength, long);
}

/**
 * The shortest zero run worth a cut, in bytes. A cut costs at most two part numbers more than data alone. With 1,000
 * numbers to spare, it is 1 MiB; with fewer, the spare numbers are spread over the rest of the file.
 */
function worthACut(rest: number, numbers: number, dataLength: number): number {
  const spare = numbers - Math.ceil(rest / dataLength) - 2;
  if (spare >= 1_000) return MIB;
  return spare <= 0 ? Infinity : Math.max(MIB, (2 * rest) / spare);
}
