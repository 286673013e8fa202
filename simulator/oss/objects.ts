import type { Answer, OssCall } from '../call.ts';
import { iso } from '../clock.ts';
import type { Described, ObjectVersion } from '../entities.ts';
import { fail } from '../errors.ts';
import { shape } from '../shape.ts';
import { type Written, etagOf, release } from '../store.ts';
import type { OssHandlers } from '../table.ts';
import { ok, page } from './answers.ts';

export const FIVE_GIB = 5 * 2 ** 30;
const CLASSES = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];
const KEPT = /^(content-type|cache-control|content-disposition|content-encoding|expires|x-oss-meta-.*|x-oss-tagging)$/;

export const OBJECTS: OssHandlers = {
  PutObject: putObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  ListObjectsV2: listObjects,
};

/** Reads the body of an upload and compares it with the headers. */
export async function receive(call: OssCall): Promise<Written> {
  const { 'content-length': length, 'content-md5': md5, 'transfer-encoding': encoding } = call.headers;
  if (length === undefined && encoding !== 'chunked') fail('MissingContentLength');
  if (Number(length ?? 0) > FIVE_GIB)
    fail('EntityTooLarge', { ProposedSize: length ?? '', MaxSizeAllowed: String(FIVE_GIB) });
  const stored = await call.world.store.write(call.body());
  if (md5 !== undefined && md5 !== stored.md5.toString('base64')) {
    await release(stored.extents);
    fail('InvalidDigest', { 'Content-MD5': md5 });
  }
  return stored;
}

/** What an object keeps of the request that creates it or its upload. */
export function describe(call: OssCall): Described {
  const { key } = call;
  if (Buffer.byteLength(key) > 1023 || /^[/\\]/.test(key)) fail('InvalidObjectName', { ObjectName: key });
  const storageClass = call.headers['x-oss-storage-class'] ?? call.bucket.storageClass;
  if (!CLASSES.includes(storageClass)) fail('InvalidArgument', 'The storage class is not valid.');
  const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => KEPT.test(name)));
  return { storageClass, headers: { 'content-type': 'application/octet-stream', ...headers } };
}

function isProtected({ bucket }: OssCall): boolean {
  return bucket.worm !== undefined && bucket.worm.state !== 'Expired';
}

/**
 * Refuses to replace an object: https://www.alibabacloud.com/help/en/oss/developer-reference/putobject (x-oss-forbid-overwrite,
 * which has no effect in a versioned bucket) and https://www.alibabacloud.com/help/en/oss/user-guide/oss-retention-policies
 */
export function checkOverwrite(call: OssCall): void {
  const newest = call.bucket.objects.get(call.key)?.[0];
  if (!newest || newest.deleteMarker || call.bucket.versioning === 'Enabled') return;
  if (call.headers['x-oss-forbid-overwrite'] === 'true') fail('FileAlreadyExists', { EC: '0026-00000007' });
  if (isProtected(call)) fail('FileImmutable');
}

/** https://www.alibabacloud.com/help/en/oss/user-guide/overview-78 */
export function versionHeader(call: OssCall, version: ObjectVersion): Record<string, string> {
  return call.bucket.versioning ? { 'x-oss-version-id': version.versionId } : {};
}

async function putObject(call: OssCall): Promise<Answer> {
  const { bucket, key, world } = call;
  const described = describe(call);
  checkOverwrite(call);
  const { md5, ...stored } = await receive(call);
  // Another request may have created the object meanwhile.
  checkOverwrite(call);
  const etag = etagOf(md5);
  const usual = { modified: world.clock.now(), type: 'Normal' } as const;
  const version = await world.putVersion(bucket, { key, ...stored, etag, ...usual, ...described });
  return {
    status: 200,
    headers: { etag, 'x-oss-hash-crc64ecma': String(stored.crc), ...versionHeader(call, version) },
  };
}

/** The newest version, or the one that the request names. */
function findVersion({ bucket, key, query: { versionId } }: OssCall): ObjectVersion {
  const versions = bucket.objects.get(key) ?? [];
  const version = versionId === undefined ? versions[0] : versions.find((one) => one.versionId === versionId);
  if (versionId !== undefined && !version) fail('NoSuchVersion', { Key: key });
  if (!version || version.deleteMarker) fail('NoSuchKey', { Key: key, EC: '0026-00000001' });
  return version;
}

function headObject(call: OssCall): Answer {
  const version = findVersion(call);
  const headers = {
    'accept-ranges': 'bytes',
    etag: version.etag,
    'last-modified': new Date(version.modified).toUTCString(),
    'x-oss-object-type': version.type,
    'x-oss-storage-class': version.storageClass,
    'x-oss-hash-crc64ecma': String(version.crc),
    ...version.headers,
    ...versionHeader(call, version),
  };
  return { status: 200, headers, length: version.size };
}

/** Deletes the version that is named, or the object. In a versioned bucket the object gets a delete marker instead. */
async function deleteObject(call: OssCall): Promise<Answer> {
  const { bucket, key, now: modified } = call;
  const { versionId } = call.query;
  if (versionId !== undefined) call.authorize('oss:DeleteObjectVersion', `${bucket.name}/${key}`);
  const versions = bucket.objects.get(key) ?? [];
  const doomed = versionId ?? (bucket.versioning === 'Enabled' ? undefined : 'null');
  const gone = versions.filter((one) => one.versionId === doomed);
  if (isProtected(call) && gone.length > 0) fail('FileImmutable');
  const rest = versions.filter((one) => one.versionId !== doomed);
  let marker = gone.find(({ deleteMarker }) => deleteMarker);
  if (versionId === undefined && bucket.versioning) {
    const none = { extents: [], size: 0, etag: '', crc: 0n, type: 'Normal' as const, storageClass: '', headers: {} };
    marker = { key, versionId: call.world.newVersionId(bucket), deleteMarker: true, modified, ...none };
    rest.unshift(marker);
  }
  if (rest.length > 0) bucket.objects.set(key, rest);
  else bucket.objects.delete(key);
  await release(gone.flatMap(({ extents }) => extents));
  const shown = marker?.versionId ?? versionId;
  return {
    status: 204,
    headers: {
      ...(marker && { 'x-oss-delete-marker': 'true' }),
      ...(shown !== undefined && { 'x-oss-version-id': shown }),
    },
  };
}

function listObjects(call: OssCall): Answer {
  const { prefix = '', 'continuation-token': after = '', 'max-keys': max = '100' } = call.query;
  const newest = [...call.bucket.objects.values()].flatMap(([version]) => version ?? []);
  const rest = newest.filter(({ key, deleteMarker }) => !deleteMarker && key.startsWith(prefix) && key > after);
  const { shown, next } = page(rest, ({ key }) => key, max);
  return ok('ListBucketResult', {
    Name: call.bucket.name,
    Prefix: prefix,
    MaxKeys: max,
    IsTruncated: next !== undefined,
    KeyCount: shown.length,
    NextContinuationToken: next?.key,
    Contents: shown.map((version) => ({
      ...shape('Key=key ETag=etag Type=type Size=size StorageClass=storageClass', version),
      LastModified: iso(version.modified),
    })),
  });
}
