import { randomBytes } from 'node:crypto';
import type { Answer, OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import { iso } from '../clock.ts';
import type { ObjectVersion, Part, Upload } from '../entities.ts';
import { fail } from '../errors.ts';
import { shape } from '../shape.ts';
import { encode } from '../signatures.ts';
import { type Written, assemble, etagOf, release } from '../store.ts';
import { inside } from '../xml.ts';
import { ok, page } from './answers.ts';
import { FIVE_GIB, checkOverwrite, describe, receive, versionHeader } from './objects.ts';

const LEAST_PART = 100 * 1024;
const MOST_PARTS = 10_000;

export const MULTIPART: OssHandlers = {
  InitiateMultipartUpload: initiate,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  ListParts: listParts,
  ListMultipartUploads: listUploads,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: async (call) => {
    await drop(call, find(call));
    return { status: 204 };
  },
};

function find(call: OssCall): Upload {
  const upload = call.bucket.uploads.get(call.query.uploadId ?? '');
  if (upload?.key !== call.key) fail('NoSuchUpload', { UploadId: call.query.uploadId ?? '' });
  return upload;
}

async function drop(call: OssCall, upload: Upload, kept: Part[] = []): Promise<void> {
  call.bucket.uploads.delete(upload.id);
  await release([...upload.parts.values()].filter((part) => !kept.includes(part)).flatMap(({ extents }) => extents));
}

function initiate(call: OssCall): Answer {
  const id = randomBytes(16).toString('hex').toUpperCase();
  checkOverwrite(call);
  call.bucket.uploads.set(id, { id, key: call.key, initiated: call.now, parts: new Map(), ...describe(call) });
  return ok('InitiateMultipartUploadResult', { Bucket: call.bucket.name, Key: call.key, UploadId: id });
}

function partNumber(call: OssCall): number {
  const number = Number(call.query.partNumber);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_PARTS) return number;
  fail('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive.');
}

/** Stores a part. It replaces an earlier part with that number. */
async function keep(call: OssCall, number: number, { md5, crc, extents, size }: Written): Promise<Part> {
  const part = { number, extents, size, etag: etagOf(md5), crc, modified: call.world.clock.now() };
  const upload = call.bucket.uploads.get(call.query.uploadId ?? '');
  if (!upload) {
    await release(extents);
    fail('NoSuchUpload');
  }
  const replaced = upload.parts.get(number);
  upload.parts.set(number, part);
  await release(replaced?.extents ?? []);
  return part;
}

async function uploadPart(call: OssCall): Promise<Answer> {
  const number = partNumber(call);
  find(call);
  const part = await keep(call, number, await receive(call));
  return { status: 200, headers: { etag: part.etag, 'x-oss-hash-crc64ecma': String(part.crc) } };
}

function copySource(call: OssCall): { version: ObjectVersion; begin: number; end: number } {
  const source = decodeURIComponent(call.headers['x-oss-copy-source'] ?? '');
  const [, bucketName = '', key = ''] = /^\/?([^/]+)\/(.+)$/s.exec(source) ?? [];
  const bucket = call.world.bucket(bucketName) ?? fail('NoSuchBucket', { BucketName: bucketName });
  // The code for a source in another region is not documented for this operation; this is the code of CopyObject.
  if (bucket.region !== call.bucket.region)
    fail('AccessDenied', 'Target object does not reside in the same data center as source object.');
  call.authorize('oss:GetObject', `${bucketName}/${key}`);
  const version = call.world.object(bucketName, key) ?? fail('NoSuchKey', { Key: key });
  if (version.storageClass.includes('Archive')) fail('InvalidObjectState');
  const range = call.headers['x-oss-copy-source-range'];
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (range !== undefined && first === undefined) fail('InvalidArgument', 'The copy source range is not valid.');
  const begin = Number(first ?? 0);
  const end = Number(last ?? version.size - 1) + 1;
  if (begin >= end || end > version.size)
    fail('InvalidRange', { ActualObjectSize: String(version.size), RangeRequested: range ?? '' });
  return { version, begin, end };
}

async function uploadPartCopy(call: OssCall): Promise<Answer> {
  const number = partNumber(call);
  find(call);
  const { version, begin, end } = copySource(call);
  if (end - begin > FIVE_GIB) fail('EntityTooLarge');
  const part = await keep(call, number, await call.world.store.copy(version.extents, begin, end));
  // It is an open question whether the real answer has the checksum.
  const headers = { etag: part.etag, 'x-oss-hash-crc64ecma': String(part.crc) };
  return ok('CopyPartResult', { LastModified: iso(part.modified), ETag: part.etag }, headers);
}

function listParts(call: OssCall): Answer {
  const upload = find(call);
  const { 'part-number-marker': marker = '0', 'max-parts': max = '1000' } = call.query;
  const rest = [...upload.parts.values()].filter(({ number }) => number > Number(marker));
  const { shown, next } = page(rest, ({ number }) => String(number).padStart(5, '0'), max);
  return ok('ListPartsResult', {
    Bucket: call.bucket.name,
    ...shape('Key=key UploadId=id StorageClass=storageClass', upload),
    MaxParts: max,
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.number ?? marker,
    IsTruncated: next !== undefined,
    Part: shown.map((part) => ({
      ...shape('PartNumber=number ETag=etag HashCrc64ecma=crc Size=size', part),
      LastModified: iso(part.modified),
    })),
  });
}

function listUploads(call: OssCall): Answer {
  const { prefix = '', 'key-marker': key = '', 'upload-id-marker': id, 'max-uploads': max = '1000' } = call.query;
  // Sorted by key, and by id within a key. Without an upload-id-marker the list continues after all uploads of the key.
  const place = (one: { key: string; id: string }) => `${one.key}\0${one.id}`;
  const after = key === '' ? '' : place({ key, id: id ?? '\uffff' });
  const rest = [...call.bucket.uploads.values()].filter((one) => one.key.startsWith(prefix) && place(one) > after);
  const { shown, next } = page(rest, place, max);
  return ok('ListMultipartUploadsResult', {
    Bucket: call.bucket.name,
    NextKeyMarker: next?.key ?? '',
    NextUploadIdMarker: next?.id ?? '',
    Prefix: prefix,
    IsTruncated: next !== undefined,
    Upload: shown.map((upload) => ({
      ...shape('Key=key UploadId=id StorageClass=storageClass', upload),
      Initiated: iso(upload.initiated),
    })),
  });
}

/** The parts that the request lists. They must have arrived, be in order and be large enough. */
function chosen(upload: Upload, text: string): Part[] {
  const listed = inside(text, 'Part').map((one) => ({
    number: Number(inside(one, 'PartNumber')[0]),
    etag: (inside(one, 'ETag')[0] ?? '').replaceAll('"', ''),
  }));
  if (listed.length === 0 || listed.length > MOST_PARTS) fail('MalformedXML');
  return listed.map(({ number, etag }, at) => {
    if (at > 0 && number <= (listed[at - 1]?.number ?? 0)) fail('InvalidPartOrder');
    const part = upload.parts.get(number);
    if (part?.etag.toUpperCase() !== `"${etag.toUpperCase()}"`)
      fail('InvalidPart', { PartNumber: String(number), UploadId: upload.id });
    if (part.size < LEAST_PART && at < listed.length - 1) {
      fail('EntityTooSmall', { ProposedSize: String(part.size), MinSizeAllowed: String(LEAST_PART) });
    }
    return part;
  });
}

async function complete(call: OssCall): Promise<Answer> {
  const text = await call.text();
  const upload = find(call);
  const parts = chosen(upload, text);
  checkOverwrite(call);
  const { etag, crc } = assemble(parts);
  const { key, storageClass, headers } = upload;
  const extents = parts.flatMap((part) => part.extents);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const stored = { extents, size, etag, crc, storageClass, headers, modified: call.now, type: 'Multipart' } as const;
  const replaced = call.world.putVersion(call.bucket, { key, ...stored });
  const [version] = await Promise.all([replaced, drop(call, upload, parts)]);
  const result = {
    Location: `http://${call.record.host}/${encode(key)}`,
    Bucket: call.bucket.name,
    Key: key,
    ETag: etag,
  };
  const sums = { etag, 'x-oss-hash-crc64ecma': String(crc), ...versionHeader(call, version) };
  return ok('CompleteMultipartUploadResult', result, sums);
}
