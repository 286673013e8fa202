import { Readable } from 'node:stream';
import { Crc64 } from './crc64.ts';
import type { Part } from './cut.ts';
import { readFully, type Source } from './reader.ts';

/** Bytes given to a socket at once. Fewer cost more CPU per byte, more cost memory per connection. */
const SLICE = 256 * 1024;

/**
 * The first rings have large slices, for a fast line. Uploads use more connections only on slow lines, where small slices let
 * the stall check see progress sooner.
 */
const FAST = 16;

/**
 * Buffers that a stream uses in turn: one is being written, one waits in the stream, one is being filled. A stream reads on
 * only when the slice before the last has gone to the socket, so three are enough.
 */
const RING = 3;

/** Free rings of buffers. The ring of a try that failed is not used again, because its socket may still read it. */
export class Rings {
  private readonly free: Buffer[][] = [];
  /** Number of rings in use or free that have large slices. */
  private large = 0;

  take(): Buffer[] {
    const ring = this.free.pop();
    if (ring !== undefined) return ring;
    const slice = this.large < FAST ? SLICE : SLICE / 8;
    if (slice === SLICE) this.large += 1;
    return Array.from({ length: RING }, () => Buffer.allocUnsafeSlow(slice));
  }

  give(ring: Buffer[]): void {
    this.free.push(ring);
  }

  /** Counts a ring as gone, so that another one may take its place. */
  drop([slice]: Buffer[]): void {
    if (slice?.length === SLICE) this.large -= 1;
  }
}

/** Streams a part slice by slice. `crc` covers what was read so far; `onSlice` is called with the length of each slice. */
export function streamPart(source: Source, part: Part, ring: Buffer[], onSlice: (bytes: number) => void) {
  const crc = new Crc64();
  async function* slices() {
    for (let done = 0; done < part.length;) {
      const buffer = ring.shift() ?? Buffer.allocUnsafeSlow(SLICE);
      ring.push(buffer);
      const length = Math.min(buffer.length, part.length - done);
      await readFully(source, buffer, length, part.offset + done);
      if (body.destroyed) return; // the try ended during the read
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
