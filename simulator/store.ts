import { createHash } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Crc64, combine } from './crc64.ts';

const BLOCK = 4096;
const ZEROS = Buffer.alloc(1024 * 1024);

/** The bytes of one request in a sparse file; without a file if every byte is zero. */
interface Blob {
  path?: string;
  references: number;
  checks: Map<string, Checks>;
}
export interface Extent {
  blob: Blob;
  offset: number;
  length: number;
}
interface Checks {
  md5: Buffer;
  crc: bigint;
}
export type Written = Checks & { extents: Extent[]; size: number };

function isZero(bytes: Buffer): boolean {
  return bytes.length <= ZEROS.length && ZEROS.subarray(0, bytes.length).equals(bytes);
}

/** MD5 and CRC-64 of bytes as they come. */
class Sums {
  readonly #md5 = createHash('md5');
  readonly #crc = new Crc64();

  /** @returns whether these bytes are all zero */
  add(bytes: Buffer): boolean {
    const zero = isZero(bytes);
    this.#md5.update(bytes);
    if (zero) this.#crc.addZeros(bytes.length);
    else this.#crc.update(bytes);
    return zero;
  }

  digest(): Checks {
    return { md5: this.#md5.digest(), crc: this.#crc.digest() };
  }
}

/** Makes fewer and larger chunks: TLS delivers 16 KiB at a time, and each step here takes time. */
async function* gathered(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const room = Buffer.allocUnsafe(ZEROS.length / 4);
  let used = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.copy(room, used, at);
      at += taken;
      used += taken;
      if (used < room.length) continue;
      yield room;
      used = 0;
    }
  }
  if (used > 0) yield room.subarray(0, used);
}

/** The parts of a chunk that must be written: adjacent blocks that are not all zero. */
function* written(chunk: Buffer): Generator<[number, Buffer]> {
  let begin = -1;
  for (let at = 0; at < chunk.length; at += BLOCK) {
    const zero = isZero(chunk.subarray(at, at + BLOCK));
    if (zero && begin >= 0) yield [begin, chunk.subarray(begin, at)];
    if (zero) begin = -1;
    else if (begin < 0) begin = at;
  }
  if (begin >= 0) yield [begin, chunk.subarray(begin)];
}

/** The bytes of all objects and parts, in files that objects refer to, so that a copy moves no bytes. */
export class Store {
  readonly #directory: string;
  /** The checksums of zeros, by their number. */
  readonly #zeros = new Map<string, Checks>();
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(body: AsyncIterable<Buffer>): Promise<Written> {
    const path = join(this.#directory, `blob-${++this.#count}`);
    const file = await open(path, 'w');
    const sums = new Sums();
    let size = 0;
    let isEmpty = true;
    try {
      for await (const chunk of gathered(body)) {
        if (!sums.add(chunk)) {
          isEmpty = false;
          for (const [at, bytes] of written(chunk)) await file.write(bytes, 0, bytes.length, size + at);
        }
        size += chunk.length;
      }
      await file.truncate(size);
    } catch (error) {
      await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
    if (isEmpty) await unlink(path);
    const checks = sums.digest();
    const blob: Blob = { references: 1, checks: new Map([[`0-${size}`, checks]]), ...(!isEmpty && { path }) };
    return { ...checks, size, extents: size === 0 ? [] : [{ blob, offset: 0, length: size }] };
  }

  /** Adds a reference to a range of stored bytes. Its checksums are kept for the next copy of the same range. */
  async copy(extents: Extent[], begin: number, end: number): Promise<Written> {
    const taken = [...slice(extents, begin, end)];
    for (const { blob } of taken) blob.references++;
    const [first] = taken;
    const zero = taken.every(({ blob }) => blob.path === undefined);
    const known = zero ? this.#zeros : taken.length === 1 ? first?.blob.checks : undefined;
    const name = `${zero ? 0 : (first?.offset ?? 0)}-${end - begin}`;
    let checks = known?.get(name);
    if (!checks) {
      const sums = new Sums();
      for await (const chunk of read(taken, 0, end - begin)) sums.add(chunk);
      checks = sums.digest();
      known?.set(name, checks);
    }
    return { ...checks, extents: taken, size: end - begin };
  }
}

export async function release(extents: Extent[]): Promise<void> {
  for (const { blob } of extents) {
    if (--blob.references === 0 && blob.path !== undefined) await unlink(blob.path);
  }
}

function* slice(extents: Extent[], begin: number, end: number): Generator<Extent> {
  let at = 0;
  for (const { blob, offset, length } of extents) {
    const from = Math.max(begin - at, 0);
    const to = Math.min(end - at, length);
    if (from < to) yield { blob, offset: offset + from, length: to - from };
    at += length;
  }
}

/** The bytes from begin up to end, in chunks of at most 1 MiB. */
export async function* read(extents: Extent[], begin: number, end: number): AsyncGenerator<Buffer> {
  for (const { blob, offset, length } of slice(extents, begin, end)) {
    const file = blob.path === undefined ? undefined : await open(blob.path, 'r');
    try {
      for (let at = 0; at < length; at += ZEROS.length) {
        const size = Math.min(ZEROS.length, length - at);
        if (!file) yield ZEROS.subarray(0, size);
        else yield (await file.read(Buffer.allocUnsafe(size), 0, size, offset + at)).buffer;
      }
    } finally {
      await file?.close();
    }
  }
}

export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** MD5 as an ETag of a part or a simple object: upper-case hexadecimal in quotes. */
export function etagOf(md5: Buffer): string {
  return `"${md5.toString('hex').toUpperCase()}"`;
}

/** ETag and checksum of a multipart object. */
export function assemble(parts: { etag: string; crc: bigint; size: number }[]): { etag: string; crc: bigint } {
  const md5 = createHash('md5');
  let crc = 0n;
  for (const part of parts) {
    md5.update(Buffer.from(part.etag.slice(1, -1), 'hex'));
    crc = combine(crc, part.crc, part.size);
  }
  return { etag: `"${md5.digest('hex').toUpperCase()}-${parts.length}"`, crc };
}
