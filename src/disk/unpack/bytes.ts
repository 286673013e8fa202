import { AGAIN, DiskError } from '../disk.ts';

/** Takes bytes off a stream in the lengths that a format asks for. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes without taking them; fewer where the stream ends. */
  async peek(length: number): Promise<Buffer> {
    const pieces = [this.#held];
    let held = this.#held.length;
    while (held < length) {
      const next = await this.#source.next();
      if (next.done === true) break;
      pieces.push(next.value);
      held += next.value.length;
    }
    if (pieces.length > 1) this.#held = Buffer.concat(pieces);
    return this.#held.subarray(0, length);
  }

  /** The next `length` bytes. @throws DiskError where the stream ends before */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    if (bytes.length < length) throw cutOff();
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  /** The next `length` bytes as they come. @throws DiskError where the stream ends before */
  async *some(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const piece = await this.#next();
      if (piece === undefined) throw cutOff();
      const part = piece.subarray(0, left);
      this.#held = piece.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Everything up to the end of the stream. */
  async *rest(): AsyncGenerator<Buffer> {
    try {
      for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece;
    } finally {
      await this.#source.return?.();
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const piece = this.#held;
    this.#held = Buffer.alloc(0);
    if (piece.length > 0) return piece;
    const next = await this.#source.next();
    return next.done === true ? undefined : next.value;
  }
}

export const cutOff = (): DiskError => new DiskError([`The container is cut off: it ends too early. ${AGAIN}`]);

/** Reads a stream to its end, so that whoever makes it checks all of it. */
export async function drain(source: AsyncIterable<Buffer>): Promise<void> {
  const bytes = source[Symbol.asyncIterator]();
  while ((await bytes.next()).done !== true);
}
