import { CloudError, isDenied, succeeds } from '../cloud/errors.ts';
import type { CallOptions, Oss } from './client.ts';
import type { Sdk } from './sdk.ts';

/** Metadata that marks an object as made by a run of ours, `<repository>/<run id>`. */
const MARK = 'x-oss-meta-alicloud-import';

/** Headers of all objects that a run makes. A bucket's default class may be Archive, which ECS cannot read. */
export const marked = (run: string) => ({ [MARK]: run, 'x-oss-storage-class': 'Standard' });

export interface ObjectState {
  /** Bytes. */
  size: number;
  etag: string;
  /** CRC-64/XZ as OSS prints it, an unsigned decimal. */
  crc64: string | undefined;
  /** Only in a versioned bucket. */
  versionId: string | undefined;
  /** The run that made it, when it was one of ours. */
  run: string | undefined;
}

/**
 * Looks at an object; undefined when there is none, `unknown` where the right oss:GetObject is missing.
 * @throws CloudError
 */
export async function headObject(
  oss: Oss,
  key: string,
  options?: CallOptions,
): Promise<ObjectState | 'unknown' | undefined> {
  try {
    const { res } = await oss.call('oss:HeadObject', (sdk) => sdk.head(key), options);
    return toState(res.headers);
  } catch (error) {
    if (error instanceof CloudError && error.status === 404) return undefined;
    if (isDenied(error)) return 'unknown';
    throw error;
  }
}

export function toState(headers: Record<string, unknown>): ObjectState {
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  return {
    size: Number(text('content-length') ?? NaN),
    etag: text('etag') ?? '',
    crc64: text('x-oss-hash-crc64ecma'),
    versionId: text('x-oss-version-id'),
    run: text(MARK),
  };
}

/** What proves that an object is ours to delete: what we completed, the run's mark, or a key that only this run uses. */
export interface Claim {
  key: string;
  run: string;
  etag?: string | undefined;
  versionId?: string | undefined;
  /** Whether the key carries the run id. */
  private: boolean;
}

/**
 * Deletes a staged object if it is ours. Idempotent.
 * @returns false when it is somebody else's or cannot be told from that, and stays
 * @throws CloudError
 */
export async function removeObject(oss: Oss, claim: Claim): Promise<boolean> {
  const found = await headObject(oss, claim.key);
  if (found === undefined) return true;
  const unseen = found === 'unknown';
  const ours = unseen
    ? claim.private || claim.etag !== undefined
    : found.run === claim.run || found.etag === claim.etag;
  if (!ours) return false;
  const versionId = unseen ? claim.versionId : found.versionId;
  await oss.call('oss:DeleteObject', (sdk) => sdk.delete(claim.key, versionId === undefined ? {} : { versionId }));
  oss.log.info(`Deleted oss://${oss.bucket}/${claim.key}.`);
  // With versions an older one may come to light that is ours too: a lost answer makes us put an object twice.
  if (!unseen && versionId !== undefined) await removeObject(oss, claim);
  return true;
}

/** An unfinished multipart upload. */
interface Unfinished {
  id: string;
  /** ms since the epoch. */
  initiated: number;
}

/** Unfinished uploads under exactly this key. */
export async function unfinishedUploads(oss: Oss, key: string): Promise<Unfinished[]> {
  const found: Unfinished[] = [];
  let marker = {};
  for (;;) {
    const query = { prefix: key, 'max-uploads': 1000, ...marker };
    const page = await oss.call('oss:ListMultipartUploads', (sdk) => sdk.listUploads(query));
    for (const { name, uploadId, initiated } of page.uploads) {
      if (name === key && uploadId !== undefined) found.push({ id: uploadId, initiated: Date.parse(initiated ?? '') });
    }
    if (!page.isTruncated || page.nextKeyMarker === undefined) return found;
    marker = { 'key-marker': page.nextKeyMarker, 'upload-id-marker': page.nextUploadIdMarker };
  }
}

/** Begins a multipart upload and gives its id. @throws CloudError */
export function initiate(
  oss: Oss,
  key: string,
  headers: Record<string, string>,
  options: CallOptions = {},
): Promise<string> {
  const operation = 'oss:InitiateMultipartUpload';
  const begin = async (sdk: Sdk): Promise<string> => {
    const { uploadId } = await sdk.initMultipartUpload(key, { headers, mime: 'application/octet-stream' });
    if (uploadId === undefined) throw new CloudError(operation, 'UnexpectedAnswer', 'the answer names no upload');
    return uploadId;
  };
  return oss.call(operation, begin, options);
}

/** Ends an unfinished upload and frees its parts. Idempotent. */
export async function abortUpload(oss: Oss, key: string, id: string): Promise<void> {
  const aborted = oss.call('oss:AbortMultipartUpload', (sdk) => sdk.abortMultipartUpload(key, id));
  if (await succeeds(aborted, 'NoSuchUpload')) oss.log.info(`Aborted the unfinished upload of ${key}.`);
}
