import { CloudError, hasCode } from '../cloud/errors.ts';
import { refuseOther200 } from './body.ts';
import type { Oss } from './client.ts';
import { combine } from './crc64.ts';
import { checker, holdsParts, listParts, type ListedParts } from './join.ts';
import { headObject, initiate, marked, toState, type ObjectState, type Unfinished } from './objects.ts';
import { passes } from '../cloud/retry.ts';
import { textIn } from '../cloud/xml.ts';
import { Pace } from './pace.ts';
import { Progress } from './progress.ts';
import type { Source } from './reader.ts';
import type { Sent } from './sender.ts';
import { transfer } from './transfer.ts';

/** How the staging copy is made. */
export interface Staging {
  key: string;
  /** An unfinished upload of an earlier attempt to resume, under its own key. */
  unfinished?: Unfinished | undefined;
  /** Of this execution; the mark on the objects that are made. */
  mark: string;
  /** Whether an object with this mark was made by this execution or an earlier attempt. */
  isOurs: (mark: string | undefined) => boolean;
  /** What the keys of zero object and seed begin with. */
  zeros: string;
  /** Called before an upload begins under a key, without an id, and as soon as its id is known. */
  onUpload: (key: string, id?: string) => void;
  /** Called when there is no such upload: it was refused or completed, or no answer with an id was lost. */
  noUpload: (key: string, id?: string) => void;
  /** Called before a zero object is made. */
  onZeros: () => void;
}

/** The staged object, verified by checksum to equal the file. */
export interface StagedObject extends Pick<ObjectState, 'size' | 'etag' | 'versionId'> {
  key: string;
  /** CRC-64/XZ, an unsigned decimal. */
  crc64: string;
  /** Bytes that travelled. */
  sent: number;
  /** Bytes of zeros that were copied inside the bucket instead. */
  zeros: number;
}

/**
 * Makes the object that is the file: resumes an unfinished upload or begins one, sends what is missing, completes it and
 * compares the CRC-64 of what was read with that of what lies there.
 * @throws CloudError; nothing is left half verified
 */
export async function upload(oss: Oss, source: Source, staging: Staging): Promise<StagedObject> {
  const { unfinished } = staging;
  try {
    if (unfinished === undefined) return await send(oss, source, staging, await begin(oss, staging));
    const parts = await listParts(oss, unfinished.key, unfinished.id);
    oss.log.info(`Resuming an unfinished upload with ${parts.size} parts.`);
    staging.onUpload(unfinished.key, unfinished.id);
    return await send(oss, source, staging, unfinished, parts);
  } catch (error) {
    // A lifecycle rule or a clean-up of the bucket has aborted it: once more from the start.
    if (!hasCode(error, 'NoSuchUpload')) throw error;
    oss.log.info('The unfinished upload no longer exists; starting another.');
    return send(oss, source, staging, await begin(oss, staging));
  }
}

async function begin(oss: Oss, { key, mark, onUpload, noUpload }: Staging): Promise<Unfinished> {
  onUpload(key);
  let tries = 0;
  const turn = <T>(run: () => Promise<T>): Promise<T> => {
    tries += 1;
    return run();
  };
  const id = await initiate(oss, key, marked(mark), { turn }).catch((error: unknown) => {
    if (tries === 1 && !passes(error)) noUpload(key);
    throw error;
  });
  onUpload(key, id);
  // A try whose answer was lost may have begun another.
  if (tries === 1) noUpload(key);
  return { key, id };
}

/** @param parts - what the upload holds already */
async function send(
  oss: Oss,
  source: Source,
  staging: Staging,
  { key, id: uploadId }: Unfinished,
  parts: ListedParts = new Map(),
): Promise<StagedObject> {
  let known = parts;
  let sent = 0;
  let zeros = 0;
  for (let again = 0; ; again += 1) {
    const progress = new Progress(source, oss.log);
    try {
      const stored = await transfer({
        ...staging,
        key,
        uploadId,
        oss,
        source,
        progress,
        stored: checker(source, known),
      });
      const crc64 = String(stored.reduce((all, { crc, length }) => combine(all, crc, length), 0n));
      sent += progress.bytesSent();
      zeros += progress.bytesCopied();
      await source.assertUnchanged?.();
      progress.sayEnd();
      const isFile = async (object: ObjectState): Promise<boolean> => {
        if (object.crc64 !== undefined) return object.crc64 === crc64;
        oss.log.info('The service gives no CRC-64; comparing the MD5 of each part instead.');
        return holdsParts(source, stored);
      };
      const whole = { parts: stored, crc64, isFile };
      const { etag, versionId } = await complete(oss, { ...staging, key }, uploadId, whole, new Pace(progress));
      staging.noUpload(key, uploadId);
      return { key, size: source.size, crc64, etag, versionId, sent, zeros };
    } catch (error) {
      // Parts have vanished or are not what the list said: send what is missing.
      if (!hasCode(error, /^(InvalidPart|FilePart\w+)$/) || again >= 2) throw tellingHowFar(error, progress);
      oss.log.info(`The bucket lacks parts (${error.code}); sending them again.`);
      known = await listParts(oss, key, uploadId);
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
  { key, isOurs }: Staging,
  id: string,
  { parts, crc64, isFile }: { parts: Sent[]; crc64: string; isFile: (object: ObjectState) => Promise<boolean> },
  pace: Pace,
): Promise<ObjectState> {
  const headers = { 'x-oss-forbid-overwrite': 'true' };
  let answer: ObjectState | undefined;
  try {
    const { res } = await pace.store(0, (options) =>
      oss.call(
        'oss:CompleteMultipartUpload',
        async (sdk) => refuseOther200(await sdk.completeMultipartUpload(key, id, parts, { headers })),
        { ...options, timeout: 180_000 },
      ),
    );
    answer = toState({ etag: textIn(res.data, 'ETag'), ...res.headers });
    if (answer.crc64 === crc64) return answer;
  } catch (error) {
    const there = await headObject(oss, key).catch(() => undefined);
    if (typeof there === 'object' && there.crc64 === crc64 && isOurs(there.mark)) return there;
    throw error;
  }
  const there = await pace.store(0, (options) => headObject(oss, key, options));
  const state = typeof there === 'object' ? there : answer;
  if (there === undefined || !(await isFile(state))) {
    const text = `the object has CRC-64 ${state.crc64 ?? 'unknown'}, the file ${crc64}`;
    throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', text);
  }
  return state;
}
