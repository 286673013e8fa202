import pLimit from 'p-limit';
import { CloudError } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';
import type { Oss } from './client.ts';
import { LONG_BODY, type CallOptions } from './wire.ts';
import type { Sdk } from './sdk.ts';
import { zerosCrc } from './crc64.ts';
import { failureIn, refuseOther200 } from './body.ts';
import { headObject, initiate, marked, toState } from './objects.ts';

const MIB = 1024 ** 2;
/** Copies under way at a time. They are requests without a body, so the connection does not limit them. */
export const COPIES = 16;

/** Keys of a zero object and of the seed that it is copied from. */
export const zeroKeys = (prefix: string) => ({ object: `${prefix}.zeros`, seed: `${prefix}.seed` });

/** Runs a call with the options that say how long it is tried. */
export type Attempts = <T>(call: (options: CallOptions) => Promise<T>) => Promise<T>;
const usual: Attempts = (call) => call({});

/**
 * Builds an object of `length` zero bytes, a multiple of 1 MiB, inside the bucket: uploads one MiB and copies the rest
 * from it. https://help.aliyun.com/document_detail/31994.html
 * @param attempts - how the one request with a body and each of the others is tried
 * @throws CloudError; AccessDenied where a policy forbids the copy
 */
export async function makeZeros(
  oss: Oss,
  prefix: string,
  length: number,
  mark: string,
  { uploads = usual, copies = usual }: { uploads?: Attempts; copies?: Attempts },
): Promise<string> {
  const keys = zeroKeys(prefix);
  const headers = marked(mark);
  const put = (sdk: Sdk) => sdk.put(keys.seed, Buffer.alloc(MIB), { headers });
  await uploads((options) => oss.call('oss:PutObject', put, { ...options, ...LONG_BODY }));
  const uploadId = await copies((options) => initiate(oss, keys.object, headers, options));
  const limit = pLimit(COPIES);
  const copy = (number: number) => {
    const to = { key: keys.object, uploadId, number, length: MIB };
    return limit(() => copies((options) => copyPart(oss, keys.seed, to, options)));
  };
  // The first copy shows whether copies are allowed.
  const parts = [await copy(1)];
  const others = Array.from({ length: length / MIB - 1 }, (_, index) => copy(index + 2));
  parts.push(...(await Promise.all(others)));
  const complete = async (sdk: Sdk) =>
    refuseOther200(await sdk.completeMultipartUpload(keys.object, uploadId, parts, { headers: {} }));
  const { crc64 } = await copies((options) =>
    oss.call('oss:CompleteMultipartUpload', complete, { ...options, timeout: 120_000 }),
  )
    .then(({ res }) => toState(res.headers))
    .catch(async (error: unknown) => {
      // The service may have completed it although the answer was lost.
      const there = await copies((options) => headObject(oss, keys.object, options));
      if (typeof there === 'object') return there;
      throw error;
    });
  if (crc64 !== undefined && crc64 !== String(zerosCrc(length))) {
    throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', 'the zero object is not all zeros');
  }
  return keys.object;
}

/** The part to be filled. */
export interface CopyTarget {
  key: string;
  uploadId: string;
  number: number;
  /** Bytes, from the start of the source. */
  length: number;
}

/** Fills a part with the first `length` bytes of an object of zeros. @throws CloudError */
export async function copyPart(
  oss: Oss,
  from: string,
  to: CopyTarget,
  options: CallOptions,
): Promise<{ number: number; etag: string }> {
  const { key, uploadId, number, length } = to;
  const source = { sourceKey: from, sourceBucketName: oss.bucket };
  const operation = 'oss:UploadPartCopy';
  const copy = async (sdk: Sdk) => {
    const { etag: inHeader, res } = await sdk.uploadPartCopy(key, uploadId, number, `0-${length - 1}`, source);
    const { crc64 } = toState(res.headers);
    // The documentation puts the ETag in the body; ali-oss reads only the headers.
    const etag = inHeader ?? textIn(res.data, 'ETag');
    if (etag === undefined) throw failureIn(operation, res.data, 'NoPart', 'the answer names no part');
    if (crc64 !== undefined && crc64 !== String(zerosCrc(length))) {
      throw new CloudError(operation, 'IntegrityMismatch', `part ${number} is not all zeros`);
    }
    return { number, etag };
  };
  return oss.call(operation, copy, { ...options, timeout: 120_000 });
}
