import { CloudError, isDenied, succeeds } from '../cloud/errors.ts';
import type { Oss } from './client.ts';
import type { CallOptions } from './wire.ts';
import type { Sdk } from './sdk.ts';

/** Metadata that names the execution of this action that made the object. */
const MARK = 'x-oss-meta-alicloud-import';

/** Headers of all objects that we make. A bucket's default class may be Archive, which ECS cannot read. */
export const marked = (mark: string) => ({ [MARK]: mark, 'x-oss-storage-class': 'Standard' });

export interface ObjectState {
  /** Bytes. */
  size: number;
  etag: string;
  /** CRC-64/XZ as OSS prints it, an unsigned decimal. */
  crc64: string | undefined;
  /** Only in a versioned bucket. */
  versionId: string | undefined;
  /** The execution of this action that made it, if one did. */
  mark: string | undefined;
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

/** Whether both are the same ETag: services differ in its quotes and case. */
export function sameEtag(one: string, other: string | undefined): boolean {
  const bare = (etag = ''): string => etag.replaceAll(/^W\/|"/g, '').toUpperCase();
  return bare(one) !== '' && bare(one) === bare(other);
}

export function toState(headers: Record<string, unknown>): ObjectState {
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  return {
    size: Number(text('content-length') ?? NaN),
    etag: text('etag') ?? '',
    crc64: text('x-oss-hash-crc64ecma'),
    versionId: text('x-oss-version-id'),
    mark: text(MARK),
  };
}

/** What proves that an object is ours to delete: what we completed, our mark, or a key that nobody else uses. */
export interface Claim {
  key: string;
  isOurs: (mark: string | undefined) => boolean;
  etag?: string | undefined;
  versionId?: string | undefined;
  /** Whether the key holds our mark. */
  derived: boolean;
}

/**
 * Deletes a staged object if it is ours, in a versioned bucket the version that we made. Idempotent.
 * @returns false when it is somebody else's or cannot be told from that, and stays
 * @throws CloudError
 */
export async function removeObject(oss: Oss, claim: Claim): Promise<boolean> {
  const { key, etag, versionId } = claim;
  // A bucket whose versioning is suspended calls its only version "null", whoever wrote it last.
  if (versionId !== undefined && versionId !== 'null') return remove(oss, key, versionId);
  const found = await headObject(oss, key);
  if (found === undefined) return true;
  if (found === 'unknown') return (claim.derived || etag !== undefined) && remove(oss, key, versionId);
  if (!sameEtag(found.etag, etag) && !claim.isOurs(found.mark)) return false;
  await remove(oss, key, found.versionId);
  // Under it there may be a version that is ours too: after a lost answer an object is put twice.
  return found.versionId === undefined || removeObject(oss, claim);
}

async function remove(oss: Oss, key: string, versionId: string | undefined): Promise<true> {
  const deleted = oss.call('oss:DeleteObject', (sdk) => sdk.delete(key, versionId === undefined ? {} : { versionId }));
  if (await succeeds(deleted, /^NoSuch(Key|Version)$/)) oss.log.info(`Deleted oss://${oss.bucket}/${key}.`);
  return true;
}

/** An unfinished multipart upload. */
export interface Unfinished {
  key: string;
  id: string;
}

/** Unfinished uploads of keys with this prefix, in the order of their beginning under each key. @throws CloudError */
export async function listUploads(oss: Oss, prefix: string): Promise<Unfinished[]> {
  const found: (Unfinished & { initiated: number })[] = [];
  let marker = { key: '', id: '' };
  for (;;) {
    const query = {
      prefix,
      'max-uploads': 1000,
      ...(marker.key !== '' && { 'key-marker': marker.key, 'upload-id-marker': marker.id }),
    };
    const page = await oss.call('oss:ListMultipartUploads', (sdk) => sdk.listUploads(query));
    for (const { name, uploadId, initiated } of page.uploads) {
      if (name?.startsWith(prefix) !== true || uploadId === undefined) continue;
      found.push({ key: name, id: uploadId, initiated: Date.parse(initiated ?? '') || 0 });
    }
    const next = { key: page.nextKeyMarker ?? '', id: page.nextUploadIdMarker ?? '' };
    const advances = next.key !== marker.key || next.id !== marker.id;
    if (!page.isTruncated || next.key === '' || !advances) return found.sort((a, b) => a.initiated - b.initiated);
    marker = next;
  }
}

/** Keys of the objects with this prefix; undefined where the right to list them is missing. @throws CloudError */
export async function listKeys(oss: Oss, prefix: string): Promise<string[] | undefined> {
  const found: string[] = [];
  let token: string | undefined;
  try {
    for (;;) {
      const query = { prefix, 'max-keys': 1000, ...(token !== undefined && { 'continuation-token': token }) };
      const page = await oss.call('oss:ListObjects', (sdk) => sdk.listV2(query));
      found.push(...page.objects.map(({ name }) => name).filter((name) => name.startsWith(prefix)));
      const next = page.nextContinuationToken ?? undefined;
      if (!page.isTruncated || next === undefined || next === token) return found;
      token = next;
    }
  } catch (error) {
    if (!isDenied(error)) throw error;
    return undefined;
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
  // Of an answer without a body, ali-oss makes NoSuchKey.
  if (await succeeds(aborted, /^NoSuch(Upload|Key)$/)) oss.log.info(`Aborted the unfinished upload of ${key}.`);
}

/** Ends all unfinished uploads of exactly this key. Idempotent. */
export async function abortUploads(oss: Oss, key: string): Promise<void> {
  for (const one of await listUploads(oss, key)) if (one.key === key) await abortUpload(oss, key, one.id);
}
