import type { OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import { iso } from '../clock.ts';
import { ok } from './answers.ts';

export const LISTS: OssHandlers = { ListObjectsV2: listObjects, ListMultipartUploads: listUploads };

/** Where something stands in a listing: by key, and uploads of one key by id. */
interface Place {
  key: string;
  id?: string;
}

function compare(a: Place, b: Place): number {
  const [left, right] = a.key === b.key ? [a.id ?? '', b.id ?? ''] : [a.key, b.key];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** One page of a listing: what comes after a place, in order. */
function page<T extends Place>(all: T[], prefix: string, after: Place, max: string) {
  const rest = all.filter((one) => one.key.startsWith(prefix) && compare(after, one) < 0).sort(compare);
  const shown = rest.slice(0, Math.min(Number(max), 1000));
  return { shown, next: rest.length > shown.length ? shown.at(-1) : undefined };
}

function listObjects(call: OssCall) {
  const { prefix = '', 'continuation-token': after = '', 'max-keys': max = '100' } = call.query;
  const newest = [...call.bucket.objects.values()].flatMap(([version]) => version ?? []);
  const there = newest.filter(({ deleteMarker }) => !deleteMarker);
  const { shown, next } = page(there, prefix, { key: after }, max);
  return ok(call, 'ListBucketResult', {
    Name: call.bucket.name,
    Prefix: prefix,
    MaxKeys: max,
    IsTruncated: next !== undefined,
    KeyCount: shown.length,
    NextContinuationToken: next?.key,
    Contents: shown.map(({ key, modified, etag, type, size, storageClass }) => ({
      Key: key,
      LastModified: iso(modified),
      ETag: etag,
      Type: type,
      Size: size,
      StorageClass: storageClass,
    })),
  });
}

function listUploads(call: OssCall) {
  const { prefix = '', 'key-marker': key = '', 'upload-id-marker': id, 'max-uploads': max = '1000' } = call.query;
  // Without an upload-id-marker the list goes on behind the whole key.
  const after = { key, id: key === '' ? '' : (id ?? '\uffff') };
  const { shown, next } = page([...call.bucket.uploads.values()], prefix, after, max);
  return ok(call, 'ListMultipartUploadsResult', {
    Bucket: call.bucket.name,
    KeyMarker: key,
    UploadIdMarker: id ?? '',
    NextKeyMarker: next?.key ?? '',
    NextUploadIdMarker: next?.id ?? '',
    Prefix: prefix,
    MaxUploads: max,
    IsTruncated: next !== undefined,
    Upload: shown.map((upload) => ({
      Key: upload.key,
      UploadId: upload.id,
      StorageClass: upload.storageClass,
      Initiated: iso(upload.initiated),
    })),
  });
}
