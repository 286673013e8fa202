import pLimit from 'p-limit';
import { CloudError } from '../cloud/errors.ts';
import type { Part } from './cut.ts';
import type { Pace } from './pace.ts';
import type { Sdk } from './sdk.ts';
import { Rings, streamPart } from './slices.ts';
import type { Target } from './staging.ts';
import { MOST } from './width.ts';
import { LONG_BODY } from './wire.ts';

/** A part that the service has accepted. */
export interface Sent {
  number: number;
  etag: string;
  /** CRC-64/XZ of its bytes in the file. */
  crc: bigint;
  /** Bytes. */
  length: number;
}

/** Data parts that wait for a slot or their next try, so that a long search for data does not leave the connections idle. */
const AHEAD = 128;

/** Sends data parts. */
export class Sender {
  private readonly target: Target;
  private readonly pace: Pace;
  private readonly slots = pLimit(MOST);
  private readonly rings = new Rings();
  private unsent = 0;
  private roomForMore = (): void => undefined;

  constructor(target: Target, pace: Pace) {
    this.target = target;
    this.pace = pace;
  }

  /** Resolves as soon as another part may be given to `send`. */
  async room(): Promise<void> {
    while (this.unsent >= MOST + AHEAD) await new Promise<void>((resolve) => (this.roomForMore = resolve));
  }

  /**
   * Sends a part until the service accepts it with the CRC of the bytes that were read. Each try takes a slot, so a part
   * that waits for its next try leaves its slot to another.
   */
  async send(part: Part): Promise<Sent> {
    const { target, pace } = this;
    this.unsent += 1;
    target.progress.toSend += part.length;
    try {
      return await pace.store(part.length, (options) =>
        target.oss.call('oss:UploadPart', (sdk) => attempt(sdk, target, part, this.rings), {
          ...options,
          ...LONG_BODY,
          turn: (run) => this.inSlot(() => pace.watched(part.length, run)),
          stall: pace.stall,
        }),
      );
    } finally {
      this.unsent -= 1;
      this.roomForMore();
    }
  }

  private inSlot<T>(run: () => Promise<T>): Promise<T> {
    this.slots.concurrency = this.pace.width;
    return this.slots(run);
  }
}

async function attempt(sdk: Sdk, target: Target, part: Part, rings: Rings): Promise<Sent> {
  const { source, key, uploadId, progress } = target;
  const { number, length } = part;
  const ring = rings.take();
  let moved = 0;
  let accepted = false;
  const { body, crc } = streamPart(source, part, ring, (bytes) => {
    moved += bytes;
    progress.moved(bytes);
  });
  try {
    const { etag, res } = await sdk.uploadPart(key, uploadId, number, body, 0, length);
    const digest = crc.digest();
    const answered = res.headers['x-oss-hash-crc64ecma'];
    if (moved !== length || (answered !== undefined && answered !== String(digest))) {
      throw new CloudError('oss:UploadPart', 'IntegrityMismatch', `part ${number} arrived damaged`);
    }
    rings.give(ring);
    accepted = true;
    return { number, etag, crc: digest, length };
  } finally {
    progress.ended(moved, accepted);
    // After success too: the answer can arrive before the socket has drained. Such a request would never end and would keep
    // its connection and the process alive.
    body.destroy();
  }
}
