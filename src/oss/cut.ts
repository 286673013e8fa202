/** Unit of the cut in bytes: zeros are looked for in blocks of this size; more than the smallest part that OSS takes (100 KB). */
export const GRAIN = 128 * 1024;

/** What OSS takes at the most (https://help.aliyun.com/document_detail/31993.html). */
const MOST_PARTS = 10_000;
const MIB = 1024 ** 2;

/** A run of bytes of which it is known whether all are zero. Runs follow each other without a gap. */
export interface Block {
  offset: number;
  length: number;
  zero: boolean;
}

/** A part of the multipart upload; numbers count from 1 in the order of offsets. */
export interface Part extends Block {
  number: number;
}

/**
 * Length of a data part in bytes: 512 KiB for a small file, so that all connections have work to the end, 4 MiB from 2 GiB
 * on, so that requests cost little; at most 8,000 in all.
 */
export function dataPart(size: number): number {
  const small = Math.min(4 * MIB, Math.max(MIB / 2, size / 512));
  return Math.ceil(Math.max(small, size / 8_000) / GRAIN) * GRAIN;
}

/** Length of a zero part, and of the zero object behind it, in bytes: a power of two from 64 MiB, at most 4,096 in all. */
export function zeroPart(size: number): number {
  let length = 64 * MIB;
  while (size / length > 4_096) length *= 2;
  return length;
}

/**
 * Cuts a file into parts: zero runs of 1 MiB and more on their own, the rest as data. The result depends on size and bytes
 * alone, not on how finely the blocks were found. Where a fragmented file would run out of part numbers, the shortest
 * zero run that is worth a cut grows with what is left of file and numbers.
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

  let done = 0; // everything before is in a part
  let zeros: { from: number; least: number } | undefined; // the zero run that ends where the blocks end, if there is one
  let long = false; // whether that run is worth a cut
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
 * The shortest zero run worth a cut, in bytes. A cut costs at most two numbers beyond those that data would need for the
 * rest of the file; with 1,000 to spare it is 1 MiB, and with fewer the spare ones are spread over the rest.
 */
function worthACut(rest: number, numbers: number, dataLength: number): number {
  const spare = numbers - Math.ceil(rest / dataLength) - 2;
  if (spare >= 1_000) return MIB;
  return spare <= 0 ? Infinity : Math.max(MIB, (2 * rest) / spare);
}
