import { CloudError, hasCode, isDenied, succeeds } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';
import type { Oss } from './client.ts';
import { failureIn } from './failure.ts';
import type { Sdk } from './sdk.ts';

/** The metadata that holds the mark of the execution that made the object. */
const MARK = 'x-oss-meta-alicloud-import';

/** Headers of every object that we make. ECS cannot read the class Archive, which can be a bucket's default. */
export const marked = (mark: string) => ({ [MARK]: mark, 'x-oss-storage-class': 'Standard' });

export interface ObjectState {
  /** Bytes. */
  size: number;
  etag: string;
  /** CRC-64/XZ as OSS prints it, an unsigned decimal. */
  crc64: string | undefined;
  /** Only in a versioned bucket. */
  versionId: string | undefined;
  /** Mark of the execution of this action that made it, if one did. */
  mark: string | undefined;
}

/**
 * Reads the state of an object.
 * @returns undefined if there is none, `unknown` without the right oss:GetObject
 * @throws CloudError
 */
export async function headObject(oss: Oss, key: string): Promise<ObjectState | 'unknown' | undefined> {
  try {
    const { res } = await oss.call('oss:HeadObject', (sdk) => sdk.head(key));
    return toState(res.headers);
  } catch (error) {
    if (error instanceof CloudError && error.status === 404) return undefined;
    if (isDenied(error)) return 'unknown';
    // An answer to HEAD has no body and need not give a reason. The answer to a listing has one.
    if (hasCode(error, 'UnexpectedAnswer') && error.status === 400) await listKeys(oss, key);
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

/** Proof that an object is ours: the ETag or version that we completed, our mark, or a key that only we use. */
export interface Claim {
  key: string;
  isOurs: (mark: string | undefined) => boolean;
  etag?: string | undefined;
  versionId?: string | undefined;
  /** Whether the key contains our mark. */
  derived: boolean;
}

/**
 * Deletes a staged object if it is ours; in a versioned bucket, the version that we made. Idempotent.
 * @returns false if it is kept because it is not ours, or because that cannot be known
 * @throws CloudError
 */
export async function removeObject(oss: Oss, claim: Claim): Promise<boolean> {
  const { key, etag, versionId } = claim;
  // With suspended versioning, every write has the version "null".
  if (versionId !== undefined && versionId !== 'null') return remove(oss, key, versionId);
  const found = await headObject(oss, key);
  if (found === undefined) return true;
  if (found === 'unknown') return (claim.derived || etag !== undefined) && remove(oss, key, versionId);
  // Two runs that upload the same file get the same ETag, so a mark decides where there is one.
  if (!(found.mark === undefined ? sameEtag(found.etag, etag) : claim.isOurs(found.mark))) return false;
  await remove(oss, key, found.versionId);
  // An older version can be ours too: an object is written twice if the first answer was lost.
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

/** Lists the unfinished uploads of keys with this prefix, the oldest first. @throws CloudError */
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

/** Lists the keys with this prefix. Returns undefined without the right to list. @throws CloudError */
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

/** Begins a multipart upload and returns its id. @throws CloudError */
export function initiate(oss: Oss, key: string, headers: Record<string, string>): Promise<string> {
  const operation = 'oss:InitiateMultipartUpload';
  return oss.call(operation, async (sdk) => {
    const { uploadId } = await sdk.initMultipartUpload(key, { headers, mime: 'application/octet-stream' });
    if (uploadId === undefined) throw new CloudError(operation, 'UnexpectedAnswer', 'the answer names no upload');
    return uploadId;
  });
}

/** Completes a multipart upload. @throws CloudError */
export function completeUpload(
  oss: Oss,
  { key, id }: Unfinished,
  parts: { number: number; etag: string }[],
  headers: Record<string, string> = {},
): Promise<ObjectState> {
  const operation = 'oss:CompleteMultipartUpload';
  const complete = async (sdk: Sdk): Promise<ObjectState> => {
    const { res } = await sdk.completeMultipartUpload(key, id, parts, { headers });
    // ali-oss takes an error in an answer of status 200 for a success.
    if (res.data?.includes('<CompleteMultipartUploadResult') !== true) throw failureIn(operation, res.data);
    return toState({ etag: textIn(res.data, 'ETag'), ...res.headers });
  };
  return oss.call(operation, complete, { timeout: 180_000 });
}

/** Aborts an unfinished upload and deletes its parts. Idempotent. @throws CloudError */
export async function abortUpload(oss: Oss, key: string, id: string): Promise<void> {
  const aborted = oss.call('oss:AbortMultipartUpload', (sdk) => sdk.abortMultipartUpload(key, id));
  // Of an answer without a body, ali-oss makes NoSuchKey.
  if (await succeeds(aborted, /^NoSuch(Upload|Key)$/)) oss.log.info(`Aborted the unfinished upload of ${key}.`);
}

/** Aborts all unfinished uploads of exactly this key. Idempotent. @throws CloudError */
export async function abortUploads(oss: Oss, key: string): Promise<void> {
  for (const one of await listUploads(oss, key)) if (one.key === key) await abortUpload(oss, key, one.id);
}
