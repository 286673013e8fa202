import type { OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import { iso } from '../clock.ts';
import { encode } from '../signatures.ts';
import { ok } from './answers.ts';

export const LISTS: OssHandlers = {
  ListObjectsV2: listObjects,
  ListMultipartUploads: listUploads,
};

interface Entry<T> {
  key: string;
  id: string;
  value: T;
}
interface Page<T> {
  entries: Entry<T>[];
  prefixes: string[];
  truncated: boolean;
  last: { key: string; id: string };
}

function before(a: { key: string; id: string }, b: { key: string; id: string }): boolean {
  return a.key < b.key || (a.key === b.key && a.id < b.id);
}

/** One page of a sorted listing; keys that go on after the delimiter count once, as a common prefix. */
function page<T>(
  all: Entry<T>[],
  prefix: string,
  delimiter: string,
  after: { key: string; id: string },
  max: number,
): Page<T> {
  const found: Page<T> = { entries: [], prefixes: [], truncated: false, last: after };
  const rest = all.filter((entry) => entry.key.startsWith(prefix) && before(after, entry));
  for (const entry of rest.sort((a, b) => (before(a, b) ? -1 : 1))) {
    const at = delimiter === '' ? -1 : entry.key.indexOf(delimiter, prefix.length);
    const common = at < 0 ? undefined : entry.key.slice(0, at + delimiter.length);
    if (common !== undefined && (found.prefixes.at(-1) === common || common === after.key)) continue;
    if (found.entries.length + found.prefixes.length === max) return { ...found, truncated: true };
    if (common === undefined) found.entries.push(entry);
    else found.prefixes.push(common);
    found.last = common === undefined ? entry : { key: common, id: '' };
  }
  return found;
}

function listObjects(call: OssCall) {
  const { prefix = '', delimiter = '', 'start-after': start = '', 'max-keys': max = '100' } = call.query;
  const name = (key: string) => (call.query['encoding-type'] === 'url' ? encode(key) : key);
  const all = [...call.bucket.objects.entries()].flatMap(([key, [value]]) =>
    value && !value.deleteMarker ? [{ key, id: '', value }] : [],
  );
  const after = call.query['continuation-token'] ?? start;
  const found = page(all, prefix, delimiter, { key: after, id: '' }, Math.min(Number(max), 1000));
  const contents = found.entries.map(({ key, value }) => ({
    Key: name(key),
    LastModified: iso(value.modified),
    ETag: value.etag,
    Type: value.type,
    Size: value.size,
    StorageClass: value.storageClass,
    ...(call.query['fetch-owner'] === 'true' && {
      Owner: { ID: call.bucket.owner, DisplayName: call.bucket.owner },
    }),
  }));
  return ok(call, 'ListBucketResult', {
    Name: call.bucket.name,
    Prefix: name(prefix),
    MaxKeys: max,
    Delimiter: delimiter,
    EncodingType: call.query['encoding-type'],
    IsTruncated: found.truncated,
    StartAfter: name(start),
    KeyCount: contents.length + found.prefixes.length,
    NextContinuationToken: found.truncated ? name(found.last.key) : undefined,
    Contents: contents,
    CommonPrefixes: found.prefixes.map((one) => ({ Prefix: name(one) })),
  });
}

function listUploads(call: OssCall) {
  const { prefix = '', delimiter = '', 'key-marker': key = '', 'max-uploads': max = '1000' } = call.query;
  // Without an upload-id-marker the list goes on behind the whole key.
  const id = call.query['upload-id-marker'] ?? '\uffff';
  const name = (text: string) => (call.query['encoding-type'] === 'url' ? encode(text) : text);
  const all = [...call.bucket.uploads.values()].map((value) => ({ key: value.key, id: value.id, value }));
  const found = page(all, prefix, delimiter, { key, id: key === '' ? '' : id }, Math.min(Number(max), 1000));
  return ok(call, 'ListMultipartUploadsResult', {
    EncodingType: call.query['encoding-type'],
    Bucket: call.bucket.name,
    KeyMarker: name(key),
    UploadIdMarker: call.query['upload-id-marker'] ?? '',
    NextKeyMarker: found.truncated ? name(found.last.key) : '',
    NextUploadIdMarker: found.truncated ? found.last.id : '',
    Delimiter: name(delimiter),
    Prefix: name(prefix),
    MaxUploads: max,
    IsTruncated: found.truncated,
    Upload: found.entries.map(({ value }) => ({
      Key: name(value.key),
      UploadId: value.id,
      StorageClass: value.storageClass,
      Initiated: iso(value.initiated),
    })),
    CommonPrefixes: found.prefixes.map((one) => ({ Prefix: name(one) })),
  });
}
