import { CloudError, hasCode } from '../cloud/errors.ts';
import { counting, type Oss } from './client.ts';
import { combine } from './crc64.ts';
import { checker, holdsParts, listParts, type ListedParts } from './join.ts';
import { completeUpload, headObject, initiate, marked, toState, type ObjectState, type Unfinished } from './objects.ts';
import { isTransient } from '../cloud/retry.ts';
import { monotonic } from '../cloud/time.ts';
import { Pace } from './pace.ts';
import { Progress } from './progress.ts';
import type { Source } from './reader.ts';
import type { StoredPart } from './sender.ts';
import type { Staging, UploadJob } from './staging.ts';
import { transfer } from './transfer.ts';

/** The staged object. Its checksum equals the file's. */
export interface StagedObject extends Pick<ObjectState, 'size' | 'etag' | 'versionId'> {
  key: string;
  /** CRC-64/XZ, an unsigned decimal. */
  crc64: string;
  /** How long the upload took, in ms. */
  ms: number;
  /** Bytes that were sent. */
  sent: number;
  /** Bytes of zeros that were copied inside the bucket instead. */
  zeros: number;
}

/**
 * Uploads a file: resumes an unfinished upload or begins one, sends what is missing, completes it and compares the CRC-64
 * of the object with that of the bytes that were read.
 * @throws CloudError
 */
export async function upload(oss: Oss, source: Source, staging: Staging): Promise<StagedObject> {
  const to = ({ key, id }: Unfinished) => ({ ...staging, key, uploadId: id, oss, source });
  const { unfinished } = staging;
  try {
    if (unfinished === undefined) return await send(to(await begin(oss, staging)));
    const parts = await listParts(oss, unfinished.key, unfinished.id);
    oss.log.info(`Resuming an unfinished upload with ${parts.size} parts.`);
    staging.onUpload(unfinished.key, unfinished.id);
    return await send(to(unfinished), parts);
  } catch (error) {
    // A lifecycle rule or somebody else has aborted it.
    if (!hasCode(error, 'NoSuchUpload')) throw error;
    oss.log.info('The unfinished upload no longer exists; starting another.');
    return send(to(await begin(oss, staging)));
  }
}

async function begin(oss: Oss, { key, mark, onUpload, noUpload }: Staging): Promise<Unfinished> {
  onUpload(key);
  const counted = counting(oss);
  const id = await initiate(counted, key, marked(mark)).catch((error: unknown) => {
    if (counted.tries <= 1 && !isTransient(error)) noUpload(key);
    throw error;
  });
  onUpload(key, id);
  // If there were more tries, one whose answer was lost may have begun another upload.
  if (counted.tries === 1) noUpload(key);
  return { key, id };
}

/**
 * Sends the parts that are missing, and completes the upload.
 * @param parts - the parts that the upload already has
 */
async function send(upload: Omit<UploadJob, 'progress'>, parts: ListedParts = new Map()): Promise<StagedObject> {
  const { oss, source, key, uploadId } = upload;
  const began = monotonic();
  let known = parts;
  let sent = 0;
  let zeros = 0;
  for (let again = 0; ; again += 1) {
    const progress = new Progress(source, oss.log);
    const job = { ...upload, progress };
    try {
      const stored = await transfer(job, checker(source, known));
      const crc64 = String(stored.reduce((all, { crc, length }) => combine(all, crc, length), 0n));
      sent += progress.sent;
      zeros += progress.copied;
      await source.assertUnchanged?.();
      progress.logEnd();
      const { etag, versionId } = await complete(job, stored, crc64);
      upload.noUpload(key, uploadId);
      return { key, size: source.size, crc64, etag, versionId, ms: monotonic() - began, sent, zeros };
    } catch (error) {
      // Parts are missing or differ from the list.
      if (!hasCode(error, /^(InvalidPart|FilePart\w+)$/) || again >= 2) throw tellingHowFar(error, progress);
      oss.log.info(`The bucket lacks parts (${error.code}); sending them again.`);
      known = await listParts(oss, key, uploadId);
    } finally {
      progress.stop();
    }
  }
}

/** Adds to the message how much had been uploaded. */
const tellingHowFar = (error: unknown, progress: Progress): unknown =>
  error instanceof CloudError ? error.reworded(`${error.message} (${progress.reached()} was uploaded)`) : error;

/**
 * Completes the upload and verifies the object. The answer can be lost although the service has completed the upload, so
 * after a failure the object is looked at first.
 * @param crc64 - of the file
 * @throws CloudError `IntegrityMismatch` if the object is not the file
 */
async function complete(job: UploadJob, parts: StoredPart[], crc64: string): Promise<ObjectState> {
  const { oss, source, key, uploadId, isOurs, progress } = job;
  const pace = new Pace(progress);
  const counted = counting(oss);
  const headers = { 'x-oss-forbid-overwrite': 'true' };
  let answer: ObjectState;
  try {
    answer = await completeUpload(pace.patient(counted), { key, id: uploadId }, parts, headers);
    if (answer.crc64 === crc64) return answer;
  } catch (error) {
    const there = await headObject(oss, key).catch(() => 'unknown' as const);
    if (typeof there === 'object' && there.crc64 === crc64 && isOurs(there.mark)) return there;
    const isOther = there === undefined || (there !== 'unknown' && !isOurs(there.mark));
    // An upload that no longer exists was completed by a try whose answer was lost.
    if (isOther || counted.tries === 1 || !hasCode(error, 'NoSuchUpload')) throw error;
    answer = toState({});
  }
  const there = await headObject(pace.patient(oss), key);
  const state = typeof there === 'object' ? there : answer;
  if (there !== undefined && state.crc64 === crc64) return state;
  if (there !== undefined && state.crc64 === undefined) {
    oss.log.info('The service gives no CRC-64; comparing the MD5 of each part instead.');
    if (await holdsParts(source, parts)) return state;
  }
  const text = `the object has CRC-64 ${state.crc64 ?? 'unknown'}, the file ${crc64}`;
  throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', text);
}
