import pLimit from 'p-limit';
import { CloudError } from '../cloud/errors.ts';
import type { CallOptions, Oss } from './client.ts';
import { zerosCrc } from './crc64.ts';
import { MARK, toState } from './objects.ts';

const MIB = 1024 ** 2;
/** Copies under way at a time: each is a request without a body, which the service works off by itself. */
export const COPIES = 16;

/** Keys that only this run uses, of the zero object of a staged object and of the seed that it is copied from. */
export function zeroKeys(key: string, run: string): { object: string; seed: string } {
  const id = run.slice(run.lastIndexOf('/') + 1);
  return { object: `${key}.${id}.zeros`, seed: `${key}.${id}.seed` };
}

/**
 * Builds an object of `length` zero bytes, a multiple of 1 MiB, inside the bucket: one MiB travels, the rest is copied
 * from it. https://help.aliyun.com/document_detail/31994.html
 * @throws CloudError; AccessDenied where a policy forbids the copy
 */
export async function makeZeros(
  oss: Oss,
  key: string,
  length: number,
  run: string,
  signal: AbortSignal,
): Promise<string> {
  const keys = zeroKeys(key, run);
  const headers = { [MARK]: run, 'x-oss-storage-class': 'Standard' };
  await oss.call('oss:PutObject', (sdk) => sdk.put(keys.seed, Buffer.alloc(MIB), { headers }), { signal });
  const { uploadId } = await oss.call(
    'oss:InitiateMultipartUpload',
    (sdk) => sdk.initMultipartUpload(keys.object, { headers, mime: 'application/octet-stream' }),
    { signal },
  );
  if (uploadId === undefined) throw new CloudError('oss:InitiateMultipartUpload', 'UnexpectedAnswer', 'no upload id');
  const limit = pLimit(COPIES);
  const numbers = Array.from({ length: length / MIB }, (_, index) => index + 1);
  const parts = await Promise.all(
    numbers.map((number) =>
      limit(() => copyPart(oss, keys.seed, { key: keys.object, uploadId, number, length: MIB, signal })),
    ),
  );
  const { res } = await oss.call(
    'oss:CompleteMultipartUpload',
    (sdk) => sdk.completeMultipartUpload(keys.object, uploadId, parts, { headers: {} }),
    { signal, timeout: 120_000 },
  );
  const { crc64 } = toState(res.headers);
  if (crc64 !== undefined && crc64 !== String(zerosCrc(length))) {
    throw new CloudError('oss:CompleteMultipartUpload', 'IntegrityMismatch', 'the zero object is not all zeros');
  }
  return keys.object;
}

/** Where a copied part goes. */
export interface CopyTarget {
  key: string;
  uploadId: string;
  number: number;
  /** Bytes, from the start of the source. */
  length: number;
  signal: AbortSignal;
}

/** Fills a part with the first `length` bytes of an object of zeros. @throws CloudError */
export async function copyPart(
  oss: Oss,
  from: string,
  to: CopyTarget,
  options: CallOptions = {},
): Promise<{ number: number; etag: string }> {
  const { key, uploadId, number, length, signal } = to;
  const source = { sourceKey: from, sourceBucketName: oss.bucket };
  const { etag, res } = await oss.call(
    'oss:UploadPartCopy',
    (sdk) => sdk.uploadPartCopy(key, uploadId, number, `0-${length - 1}`, source),
    { ...options, signal, timeout: 120_000 },
  );
  const { crc64 } = toState(res.headers);
  if (etag === undefined || (crc64 !== undefined && crc64 !== String(zerosCrc(length)))) {
    throw new CloudError('oss:UploadPartCopy', 'IntegrityMismatch', `part ${number} is not all zeros`);
  }
  return { number, etag };
}
