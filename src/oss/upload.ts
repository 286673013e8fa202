import { CloudError, hasCode, NOT_THE_SERVICE } from '../cloud/errors.ts';
import { failureIn } from './body.ts';
import type { Oss } from './client.ts';
import { combine } from './crc64.ts';
import { checker, findUnfinished, listParts, type Joined } from './join.ts';
import { headObject, initiate, marked, toState, type ObjectState } from './objects.ts';
import { Pace } from './pace.ts';
import { Progress } from './progress.ts';
import type { Source } from './reader.ts';
import type { Sent } from './sender.ts';
import { transfer } from './transfer.ts';

/** How the staging copy is made. */
export interface Staging {
  key: string;
  /** `<repository>/<run id>`: the mark on everything that is made. */
  run: string;
  /** Whether an object of ours may be under the key already. */
  overwrite: boolean;
  /** Whether an unfinished upload under the key must be ours, whatever its age. */
  joinsAny: boolean;
  /** Whether to look for one at all. */
  joins: boolean;
  /** Called as soon as there is an upload to abort. */
  onUpload: (uploadId: string) => void;
  /** Called before a zero object is made. */
  onZeros: () => void;
}

/** What lies in the bucket, proven to be the file byte for byte. */
export interface StagedObject extends Pick<ObjectState, 'size' | 'etag' | 'versionId'> {
  /** CRC-64/XZ, an unsigned decimal. */
  crc64: string;
  /** Bytes that travelled. */
  sent: number;
  /** Bytes of zeros that were copied inside the bucket instead. */
  zeros: number;
}

/**
 * Makes the object that is the file: joins an unfinished upload or begins one, sends what is missing, completes it and
 * compares the CRC-64 of what was read with that of what lies there.
 * @throws CloudError; nothing is left half verified
 */
export async function upload(oss: Oss, source: Source, staging: Staging): Promise<StagedObject> {
  const found = staging.joins ? await findUnfinished(oss, staging.key, staging.joinsAny) : undefined;
  if (found !== undefined) {
    oss.log.info(`Going on with an unfinished upload of ${found.parts.size} parts.`);
    staging.onUpload(found.uploadId);
  }
  try {
    return await send(oss, source, staging, found ?? (await begin(oss, staging)));
  } catch (error) {
    // Somebody aborted it behind our back (a lifecycle rule, a clean-up of the bucket): once more from the start.
    if (!hasCode(error, 'NoSuchUpload')) throw error;
    oss.log.info('The upload has vanished from the bucket; beginning another.');
    return send(oss, source, staging, await begin(oss, staging));
  }
}

async function begin(oss: Oss, { key, run, onUpload }: Staging): Promise<Joined> {
  const uploadId = await initiate(oss, key, marked(run));
  onUpload(uploadId);
  return { uploadId, parts: new Map(), mayBeOthers: false };
}

async function send(oss: Oss, source: Source, staging: Staging, joined: Joined): Promise<StagedObject> {
  const { key, run, onZeros } = staging;
  const { uploadId } = joined;
  let sent = 0;
  let zeros = 0;
  for (let again = 0; ; again += 1) {
    const progress = new Progress(source.size, oss.log);
    try {
      const job = { oss, source, key, uploadId, run, onZeros, progress, listed: checker(source, joined) };
      const parts = await transfer(job);
      const crc64 = String(parts.reduce((all, { crc, length }) => combine(all, crc, length), 0n));
      sent += progress.bytesSent();
      zeros += progress.bytesCopied();
      await source.assertUnchanged?.();
      progress.sayEnd();
      const { etag, versionId } = await complete(oss, staging, joined, parts, crc64, new Pace(progress));
      return { size: source.size, crc64, etag, versionId, sent, zeros };
    } catch (error) {
      // Parts have vanished or are not what the list said: send what is missing.
      if (!hasCode(error, /^(InvalidPart|FilePart\w+)$/) || again >= 2) throw tellingHowFar(error, progress);
      oss.log.info(`The bucket lacks parts (${error.code}); sending them again.`);
      joined.parts = (await listParts(oss, key, uploadId)).parts;
    } finally {
      progress.cease();
    }
  }
}

/** All parts have settled by now, so that what counts as sent was accepted. */
const tellingHowFar = (error: unknown, progress: Progress): unknown =>
  error instanceof CloudError ? error.reworded(`${error.message} (${progress.reached()} was through)`) : error;

/**
 * Completes the upload and proves what it made. An answer may be lost although the service has done it, so that every
 * failure first looks at the object.
 */
async function complete(
  oss: Oss,
  staging: Staging,
  { uploadId: id, mayBeOthers }: Joined,
  parts: Sent[],
  crc64: string,
  pace: Pace,
): Promise<ObjectState> {
  const { key, run, overwrite } = staging;
  const headers: Record<string, string> = overwrite ? {} : { 'x-oss-forbid-overwrite': 'true' };
  let answer: ObjectState | undefined;
  try {
    const { res } = await pace.store((options) =>
      oss.call(
        'oss:CompleteMultipartUpload',
        async (sdk) => refuseOther200(await sdk.completeMultipartUpload(key, id, parts, { headers })),
        { ...options, timeout: 180_000 },
      ),
    );
    answer = toState(res.headers);
    if (answer.crc64 === crc64) return answer;
  } catch (error) {
    const there = await headObject(oss, key).catch(() => undefined);
    const isOurs = typeof there === 'object' && (there.run === run || mayBeOthers);
    if (isOurs && there.crc64 === crc64) return there;
    throw error;
  }
  const there = await pace.store((options) => headObject(oss, key, options));
  const state = typeof there === 'object' ? there : answer;
  if (there === undefined || state.crc64 !== crc64) {
    const text = `the object has CRC-64 ${state.crc64 ?? 'unknown'}, the file ${crc64}`;
    throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', text);
  }
  return state;
}

/** ali-oss takes any answer with status 200 for a success. */
function refuseOther200<T extends { res: { data?: Buffer } }>(answer: T): T {
  const { data } = answer.res;
  if (data?.includes('<CompleteMultipartUploadResult')) return answer;
  throw failureIn('oss:CompleteMultipartUpload', data, 'UnexpectedAnswer', NOT_THE_SERVICE);
}
