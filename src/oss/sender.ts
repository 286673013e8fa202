import pLimit from 'p-limit';
import { CloudError } from '../cloud/errors.ts';
import type { Part } from './cut.ts';
import type { Pace } from './pace.ts';
import type { Sdk } from './sdk.ts';
import { Rings, streamPart } from './slices.ts';
import type { UploadJob } from './staging.ts';
import { MAX_WIDTH } from './width.ts';
import { LONG_BODY } from './wire.ts';

/** A part that the service has accepted. */
export interface StoredPart {
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
  private readonly job: UploadJob;
  private readonly pace: Pace;
  private readonly slots = pLimit(MAX_WIDTH);
  private readonly rings = new Rings();
  private unsent = 0;
  private roomForMore = (): void => undefined;

  constructor(job: UploadJob, pace: Pace) {
    this.job = job;
    this.pace = pace;
  }

  /** Resolves as soon as another part may be given to `send`. */
  async room(): Promise<void> {
    while (this.unsent >= MAX_WIDTH + AHEAD) await new Promise<void>((resolve) => (this.roomForMore = resolve));
  }

  /**
   * Sends a part until the service accepts it with the CRC of the bytes that were read. Each try takes a slot, so a part
   * that waits for its next try leaves its slot to another.
   */
  async send(part: Part): Promise<StoredPart> {
    const { job, pace } = this;
    this.unsent += 1;
    job.progress.toSend += part.length;
    try {
      return await pace.store(part.length, (options) =>
        job.oss.call('oss:UploadPart', (sdk) => attempt(sdk, job, part, this.rings), {
          ...options,
          timeout: LONG_BODY.timeout,
          turn: (run) => this.inSlot(() => pace.watched(part.length, run)),
          stall: pace.stall,
        }),
      );
    } finally {
      this.unsent -= 1;
      // p-limit starts waiting parts only when it is told that more may run.
      this.slots.concurrency = pace.width;
      this.roomForMore();
    }
  }

  private inSlot<T>(run: () => Promise<T>): Promise<T> {
    this.slots.concurrency = this.pace.width;
    return this.slots(run);
  }
}

async function attempt(sdk: Sdk, job: UploadJob, part: Part, rings: Rings): Promise<StoredPart> {
  const { source, key, uploadId, progress } = job;
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
    accepted = true;
    return { number, etag, crc: digest, length };
  } finally {
    progress.ended(moved, accepted);
    if (accepted) rings.give(ring);
    else rings.drop(ring);
    // After success too: the answer can arrive before the socket has drained. Such a request would never end and would keep
    // its connection and the process alive.
    body.destroy();
  }
}
