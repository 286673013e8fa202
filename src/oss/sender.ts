import { CloudError } from '../cloud/errors.ts';
import type { Oss } from './client.ts';
import { LONG_BODY } from './wire.ts';
import type { Part } from './cut.ts';
import type { Pace } from './pace.ts';
import type { Progress } from './progress.ts';
import type { Source } from './reader.ts';
import type { Sdk } from './sdk.ts';
import { Rings, streamPart } from './slices.ts';

/** A part that the service has accepted. */
export interface Sent {
  number: number;
  etag: string;
  /** CRC-64/XZ of its bytes in the file. */
  crc: bigint;
  /** Bytes. */
  length: number;
}

/** The file and the multipart upload that receives it. */
export interface Target {
  oss: Oss;
  source: Source;
  key: string;
  uploadId: string;
  /** Mark of this execution, for the objects that it makes. */
  mark: string;
  progress: Progress;
}

/**
 * Returns a function that sends a data part until the service accepts it with the CRC of the bytes that were read. Each
 * try takes a slot, so a part that waits for its next try leaves its slot to another.
 */
export function openSender(
  target: Target,
  pace: Pace,
  slots: <T>(run: () => Promise<T>) => Promise<T>,
): (part: Part) => Promise<Sent> {
  const rings = new Rings();
  return (part) =>
    pace.store(part.length, (options) =>
      target.oss.call('oss:UploadPart', (sdk) => attempt(sdk, target, part, rings), {
        ...options,
        ...LONG_BODY,
        turn: (run) => slots(() => pace.watched(part.length, run)),
        stall: (waits, others) => pace.stall(waits, others),
      }),
    );
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
