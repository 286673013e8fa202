import { DiskError } from '../disk.ts';
import { AGAIN } from '../text.ts';

/** Reads a stream in the lengths that a format asks for. All lengths are bytes. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes taken so far. */
  position = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Returns the next `length` bytes without taking them; fewer at the end of the stream. */
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

  /** Takes the next `length` bytes. @throws DiskError when the stream ends too early */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    if (bytes.length < length) throw cutOff();
    this.#held = this.#held.subarray(length);
    this.position += length;
    return bytes;
  }

  /** Takes the next `length` bytes piece by piece, or all bytes. @throws DiskError when the stream ends too early */
  async *pieces(length = Infinity): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      let piece = this.#held;
      if (piece.length === 0) {
        const next = await this.#source.next();
        if (next.done === true && length === Infinity) return;
        if (next.done === true) throw cutOff();
        piece = next.value;
      }
      const part = piece.subarray(0, left);
      this.#held = piece.subarray(part.length);
      this.position += part.length;
      left -= part.length;
      yield part;
    }
  }

  /** Skips the next `length` bytes, or all bytes. @throws DiskError when the stream ends too early */
  async skip(length = Infinity): Promise<void> {
    const pieces = this.pieces(length);
    while ((await pieces.next()).done !== true);
  }

  /** Closes the source, which ends its programs. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

const cutOff = (): DiskError => new DiskError([`The container is cut off: it ends too early. ${AGAIN}`]);
