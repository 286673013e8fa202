import pLimit from 'p-limit';
import { CloudError } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';
import type { Oss } from './client.ts';
import { zerosCrc } from './crc64.ts';
import { failureIn } from './failure.ts';
import { completeUpload, headObject, initiate, marked, toState } from './objects.ts';
import type { Sdk } from './sdk.ts';
import { LONG_BODY } from './wire.ts';

const MIB = 1024 ** 2;
/** Copies under way at a time. They are requests without a body, so the connection does not limit them. */
export const COPIES = 16;

/** Keys of a zero object and of the seed that it is copied from. */
export const zeroKeys = (prefix: string) => ({ object: `${prefix}.zeros`, seed: `${prefix}.seed` });

/** Clients of the same bucket that try for as long as an upload of data and as copies may fail. */
export interface Clients {
  data: Oss;
  copies: Oss;
}

/**
 * Builds an object of `length` zero bytes, a multiple of 1 MiB, inside the bucket: uploads one MiB and copies the rest
 * from it. https://help.aliyun.com/document_detail/31994.html
 * @throws CloudError; AccessDenied where a policy forbids the copy
 */
export async function makeZeros(
  { data, copies }: Clients,
  prefix: string,
  length: number,
  mark: string,
): Promise<string> {
  const { object: key, seed } = zeroKeys(prefix);
  const headers = marked(mark);
  await data.call('oss:PutObject', (sdk) => sdk.put(seed, Buffer.alloc(MIB), { headers }), LONG_BODY);
  const id = await initiate(copies, key, headers);
  const limit = pLimit(COPIES);
  const copy = (number: number) => limit(() => copyPart(copies, seed, { key, uploadId: id, number, length: MIB }));
  // The first copy shows whether copies are allowed.
  const parts = [await copy(1)];
  const others = Array.from({ length: length / MIB - 1 }, (_, index) => copy(index + 2));
  const all = Promise.all(others).finally(() => {
    limit.clearQueue();
  });
  parts.push(...(await all));
  const { crc64 } = await completeUpload(copies, { key, id }, parts).catch(async (error: unknown) => {
    // The service may have completed it although the answer was lost.
    const there = await headObject(copies, key);
    if (typeof there === 'object') return there;
    throw error;
  });
  if (crc64 !== undefined && crc64 !== String(zerosCrc(length))) {
    throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', 'the zero object is not all zeros');
  }
  return key;
}

/** Fills a part with the first `length` bytes of an object of zeros. @throws CloudError */
export async function copyPart(
  oss: Oss,
  from: string,
  { key, uploadId, number, length }: { key: string; uploadId: string; number: number; length: number },
): Promise<{ number: number; etag: string }> {
  const source = { sourceKey: from, sourceBucketName: oss.bucket };
  const operation = 'oss:UploadPartCopy';
  const copy = async (sdk: Sdk) => {
    const { etag: inHeader, res } = await sdk.uploadPartCopy(key, uploadId, number, `0-${length - 1}`, source);
    const { crc64 } = toState(res.headers);
    // The documentation puts the ETag in the body; ali-oss reads only the headers.
    const etag = inHeader ?? textIn(res.data, 'ETag');
    if (etag === undefined) throw failureIn(operation, res.data, 'the answer names no part');
    if (crc64 !== undefined && crc64 !== String(zerosCrc(length))) {
      throw new CloudError(operation, 'IntegrityMismatch', `part ${number} is not all zeros`);
    }
    return { number, etag };
  };
  return oss.call(operation, copy, { timeout: 120_000 });
}
