import type { OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import type { ObjectVersion } from '../entities.ts';
import { fail } from '../errors.ts';
import { type Written, etagOf, read, release } from '../store.ts';
import { inside } from '../xml.ts';
import { empty, ok } from './answers.ts';
import { checkOverwrite, describe, findVersion, putVersion, remove, versionHeader } from './versions.ts';

export const FIVE_GIB = 5 * 2 ** 30;

export const OBJECTS: OssHandlers = {
  PutObject: putObject,
  HeadObject: (call) => {
    const version = findVersion(call);
    return { ...empty(call, 200, facts(call, version)), length: version.size };
  },
  GetObject: getObject,
  DeleteObject: deleteObject,
  DeleteMultipleObjects: deleteMultiple,
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

function getObject(call: OssCall) {
  const version = findVersion(call);
  const headers = facts(call, version);
  if (version.storageClass.includes('Archive')) fail('InvalidObjectState');
  const { size } = version;
  // A range that is not well-formed or out of bounds is ignored, and the whole object is sent.
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(call.headers.range ?? '') ?? [];
  const begin = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
  if (first + last === '' || begin >= end) {
    return {
      status: 200,
      headers: { ...empty(call, 200).headers, ...headers },
      body: read(version.extents, 0, size),
      length: size,
    };
  }
  const partial = { ...empty(call, 206).headers, ...headers, 'content-range': `bytes ${begin}-${end - 1}/${size}` };
  return { status: 206, headers: partial, body: read(version.extents, begin, end), length: end - begin };
}

async function deleteObject(call: OssCall) {
  const { versionId: wanted } = call.query;
  if (wanted !== undefined) call.authorize('oss:DeleteObjectVersion', `${call.bucket.name}/${call.key}`);
  const { marker, versionId } = await remove(call, call.key, wanted);
  return empty(call, 204, {
    ...(marker && { 'x-oss-delete-marker': 'true' }),
    ...(versionId !== undefined && { 'x-oss-version-id': versionId }),
  });
}

async function deleteMultiple(call: OssCall) {
  // "Content-MD5: required": https://www.alibabacloud.com/help/en/oss/developer-reference/deletemultipleobjects
  if (call.headers['content-md5'] === undefined) fail('MissingContentMD5', 'The Content-MD5 header is required.');
  const text = await call.text();
  const keys = inside(text, 'Object').map((one) => inside(one, 'Key')[0] ?? '');
  if (keys.length === 0 || keys.length > 1000) fail('MalformedXML');
  for (const key of keys) call.authorize('oss:DeleteObject', `${call.bucket.name}/${key}`);
  for (const key of keys) await remove(call, key);
  const quiet = inside(text, 'Quiet')[0] === 'true';
  return ok(call, 'DeleteResult', quiet ? {} : { Deleted: keys.map((Key) => ({ Key })) });
}
