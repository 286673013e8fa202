import type { OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import type { ObjectVersion } from '../entities.ts';
import { fail } from '../errors.ts';
import { type Written, etagOf, release } from '../store.ts';
import { empty } from './answers.ts';
import { newVersionId, putVersion } from '../versions.ts';
import { checkOverwrite, describe, findVersion, versionHeader } from './versions.ts';

export const FIVE_GIB = 5 * 2 ** 30;

export const OBJECTS: OssHandlers = {
  PutObject: putObject,
  HeadObject: (call) => {
    const version = findVersion(call);
    return { ...empty(call, 200, facts(call, version)), length: version.size };
  },
  DeleteObject: deleteObject,
};

/** Takes the body of an upload and holds it against what its headers say. */
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

async function putObject(call: OssCall) {
  const { bucket, key, world } = call;
  const described = describe(call);
  checkOverwrite(call);
  const { md5, ...stored } = await receive(call);
  const etag = etagOf(md5);
  const usual = { modified: world.clock.now(), type: 'Normal' } as const;
  const version = await putVersion(bucket, { key, ...stored, etag, ...usual, ...described });
  return empty(call, 200, { etag, 'x-oss-hash-crc64ecma': String(stored.crc), ...versionHeader(call, version) });
}

function facts(call: OssCall, version: ObjectVersion): Record<string, string> {
  if (version.deleteMarker) fail('NoSuchKey', { Key: version.key });
  return {
    'accept-ranges': 'bytes',
    etag: version.etag,
    'last-modified': new Date(version.modified).toUTCString(),
    'x-oss-object-type': version.type,
    'x-oss-storage-class': version.storageClass,
    'x-oss-hash-crc64ecma': String(version.crc),
    ...version.headers,
    ...versionHeader(call, version),
  };
}

/** Deletes the version that is named, or the object: where versions are kept it goes behind a delete marker. */
async function deleteObject(call: OssCall) {
  const { bucket, key, now: modified } = call;
  const { versionId } = call.query;
  if (versionId !== undefined) call.authorize('oss:DeleteObjectVersion', `${bucket.name}/${key}`);
  const versions = bucket.objects.get(key) ?? [];
  const doomed = versionId ?? (bucket.versioning === 'Enabled' ? undefined : 'null');
  const gone = versions.filter((one) => one.versionId === doomed);
  if (bucket.worm !== undefined && bucket.worm.state !== 'Expired' && gone.length > 0) fail('FileImmutable');
  const rest = versions.filter((one) => one.versionId !== doomed);
  let marker = gone.find(({ deleteMarker }) => deleteMarker);
  if (versionId === undefined && bucket.versioning) {
    const none = { extents: [], size: 0, etag: '', crc: 0n, type: 'Normal' as const, storageClass: '', headers: {} };
    marker = { key, versionId: newVersionId(bucket), deleteMarker: true, modified, ...none };
    rest.unshift(marker);
  }
  if (rest.length > 0) bucket.objects.set(key, rest);
  else bucket.objects.delete(key);
  await release(gone.flatMap(({ extents }) => extents));
  const shown = marker?.versionId ?? versionId;
  return empty(call, 204, {
    ...(marker && { 'x-oss-delete-marker': 'true' }),
    ...(shown !== undefined && { 'x-oss-version-id': shown }),
  });
}
