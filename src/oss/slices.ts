import { Readable } from 'node:stream';
import { Crc64 } from './crc64.ts';
import type { Part } from './cut.ts';
import { readFully, type Source } from './reader.ts';

/** Bytes handed to a socket at once: less costs CPU per byte, more costs memory per connection. */
const SLICE = 256 * 1024;

/** A fast line needs no more connections than this. More are for slow lines, where small slices show that bytes move. */
const FAST = 16;

/**
 * Buffers in turn for one stream: one is being written, one waits in the stream, one is being read into.
 * A stream reads on only when the slice before the last has left for the socket, so three never collide.
 */
const RING = 3;

/** Rings that no stream uses at the moment. A ring whose stream was cut off is dropped: its socket may still read it. */
export class Rings {
  private readonly free: Buffer[][] = [];
  private made = 0;

  take(): Buffer[] {
    return this.free.pop() ?? this.make();
  }

  give(ring: Buffer[]): void {
    this.free.push(ring);
  }

  private make(): Buffer[] {
    this.made += 1;
    const slice = this.made > FAST ? SLICE / 8 : SLICE;
    return Array.from({ length: RING }, () => Buffer.allocUnsafeSlow(slice));
  }
}

/** Streams a part slice by slice; `crc` is of what was read so far, `onSlice` hears of the bytes handed over. */
export function streamPart(source: Source, part: Part, ring: Buffer[], onSlice: (bytes: number) => void) {
  const crc = new Crc64();
  async function* slices() {
    for (let done = 0; done < part.length;) {
      const buffer = ring.shift() ?? Buffer.allocUnsafeSlow(SLICE);
      ring.push(buffer);
      const length = Math.min(buffer.length, part.length - done);
      await readFully(source, buffer, length, part.offset + done);
      if (body.destroyed) return; // the try ended while we read: what nobody takes does not count
      const slice = buffer.subarray(0, length);
      crc.update(slice);
      done += length;
      onSlice(length);
      yield slice;
    }
  }
  const body = Readable.from(slices(), { objectMode: false, highWaterMark: ring[0]?.length ?? SLICE });
  return { body, crc };
}
