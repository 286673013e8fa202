/**
 * What the sink knows of OSS: enough for ali-oss to upload and for CRCs to be right. It keeps sizes and CRCs, never bytes.
 * Signatures are not checked; the simulator does that, this one is for speed.
 */
import { combine, zerosCrc } from '../src/oss/crc64.ts';

/** A body as it arrived: its length in bytes and, when the sink verifies, its CRC-64/XZ. */
export interface Content {
  size: number;
  crc?: bigint;
}

export interface Request {
  method: string;
  bucket: string;
  key: string;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  content: Content;
  /** Of XML bodies only. */
  text: string;
}

export interface Answer {
  operation: string;
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

interface Stored extends Content {
  meta: Record<string, string>;
}

interface Upload {
  id: string;
  key: string;
  meta: Record<string, string>;
  parts: Map<number, Content>;
}

const OWNER = '1234567890123456';
const DATE = 'Mon, 02 Nov 2026 08:00:00 GMT';
const ISO = '2026-11-02T08:00:00.000Z';

const objects = new Map<string, Stored>();
const uploads = new Map<string, Upload>();
let lastUpload = 0;

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const etag = ({ size, crc }: Content): string =>
  `"${((crc ?? 0n).toString(16).padStart(16, '0') + size.toString(16).padStart(16, '0')).toUpperCase()}"`;
const crcHeader = ({ crc }: Content): Record<string, string> =>
  crc === undefined ? {} : { 'x-oss-hash-crc64ecma': crc.toString() };

function xml(operation: string, root: string, inside: string, headers: Record<string, string> = {}): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${inside}</${root}>`;
  return { operation, status: 200, headers: { 'content-type': 'application/xml', ...headers }, body };
}

function refuse(operation: string, status: number, code: string): Answer {
  return { ...xml(operation, 'Error', `<Code>${code}</Code><Message>${code}</Message>`), status };
}

function metaOf(request: Request): Record<string, string> {
  const entries = Object.entries(request.headers).filter(([name]) => name.startsWith('x-oss-meta-'));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** What UploadPartCopy reads. Of zeros any range is known; of other objects only the whole. */
function copied(request: Request): Content | undefined {
  const source = decodeURIComponent(String(request.headers['x-oss-copy-source'])).split('/').slice(2).join('/');
  const object = objects.get(source);
  if (object === undefined) return undefined;
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-oss-copy-source-range'] ?? ''));
  const size = range === null ? object.size : Number(range[2]) - Number(range[1]) + 1;
  if (object.crc === undefined) return { size };
  if (object.crc === zerosCrc(object.size)) return { size, crc: zerosCrc(size) };
  return size === object.size ? { size, crc: object.crc } : undefined;
}

function putPart(request: Request, upload: Upload): Answer {
  const number = Number(request.query.get('partNumber'));
  if (request.headers['x-oss-copy-source'] === undefined) {
    upload.parts.set(number, request.content);
    return {
      operation: 'UploadPart',
      status: 200,
      headers: { etag: etag(request.content), ...crcHeader(request.content) },
    };
  }
  const content = copied(request);
  if (content === undefined) return refuse('UploadPartCopy', 404, 'NoSuchKey');
  upload.parts.set(number, content);
  const inside = `<LastModified>${ISO}</LastModified><ETag>${etag(content)}</ETag>`;
  return xml('UploadPartCopy', 'CopyPartResult', inside, { etag: etag(content) });
}

function complete(request: Request, upload: Upload): Answer {
  const numbers = [...request.text.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map((match) => Number(match[1]));
  let whole: Content = { size: 0, crc: 0n };
  for (const number of numbers) {
    const part = upload.parts.get(number);
    if (part === undefined) return refuse('CompleteMultipartUpload', 400, 'InvalidPart');
    const size = whole.size + part.size;
    const known = whole.crc !== undefined && part.crc !== undefined;
    whole = known ? { size, crc: combine(whole.crc ?? 0n, part.crc ?? 0n, part.size) } : { size };
  }
  uploads.delete(upload.id);
  objects.set(upload.key, { ...whole, meta: upload.meta });
  const inside = `<Bucket>${request.bucket}</Bucket><Key>${escaped(upload.key)}</Key><ETag>${etag(whole)}</ETag>`;
  const headers = { etag: etag(whole), ...crcHeader(whole) };
  return xml('CompleteMultipartUpload', 'CompleteMultipartUploadResult', inside, headers);
}

function listParts(request: Request, upload: Upload): Answer {
  const after = Number(request.query.get('part-number-marker') ?? 0);
  const most = Number(request.query.get('max-parts') ?? 1000);
  const numbers = [...upload.parts.keys()].filter((number) => number > after).sort((a, b) => a - b);
  const page = numbers.slice(0, most);
  const part = (number: number): string => {
    const content = upload.parts.get(number) ?? { size: 0 };
    const crc = content.crc === undefined ? '' : `<HashCrc64ecma>${content.crc.toString()}</HashCrc64ecma>`;
    return `<Part><PartNumber>${number}</PartNumber><LastModified>${ISO}</LastModified><ETag>${etag(content)}</ETag>${crc}<Size>${content.size}</Size></Part>`;
  };
  const inside =
    `<Bucket>${request.bucket}</Bucket><Key>${escaped(upload.key)}</Key><UploadId>${upload.id}</UploadId>` +
    `<NextPartNumberMarker>${page.at(-1) ?? after}</NextPartNumberMarker><MaxParts>${most}</MaxParts>` +
    `<IsTruncated>${page.length < numbers.length ? 'true' : 'false'}</IsTruncated>${page.map(part).join('')}`;
  return xml('ListParts', 'ListPartsResult', inside);
}

function initiate(request: Request): Answer {
  const id = (++lastUpload).toString(16).toUpperCase().padStart(32, '0');
  uploads.set(id, { id, key: request.key, meta: metaOf(request), parts: new Map() });
  const inside = `<Bucket>${request.bucket}</Bucket><Key>${escaped(request.key)}</Key><UploadId>${id}</UploadId>`;
  return xml('InitiateMultipartUpload', 'InitiateMultipartUploadResult', inside);
}

function onUpload(request: Request, id: string): Answer {
  const upload = uploads.get(id);
  if (upload === undefined) return refuse('MultipartUpload', 404, 'NoSuchUpload');
  if (request.method === 'PUT') return putPart(request, upload);
  if (request.method === 'POST') return complete(request, upload);
  if (request.method === 'GET') return listParts(request, upload);
  uploads.delete(id);
  return { operation: 'AbortMultipartUpload', status: 204 };
}

function onObject(request: Request): Answer {
  const { method, key, content } = request;
  if (method === 'PUT') {
    objects.set(key, { ...content, meta: metaOf(request) });
    return { operation: 'PutObject', status: 200, headers: { etag: etag(content), ...crcHeader(content) } };
  }
  if (method === 'DELETE') {
    objects.delete(key);
    return { operation: 'DeleteObject', status: 204 };
  }
  const object = objects.get(key);
  if (object === undefined)
    return method === 'HEAD' ? { operation: 'HeadObject', status: 404 } : refuse('GetObject', 404, 'NoSuchKey');
  const known = { etag: etag(object), 'last-modified': DATE, ...crcHeader(object), ...object.meta };
  return { operation: 'HeadObject', status: 200, headers: { 'content-length': String(object.size), ...known } };
}

function onBucket({ method, bucket, query }: Request): Answer {
  if (method === 'PUT') return { operation: 'PutBucket', status: 200 };
  if (query.has('uploads')) {
    const rows = [...uploads.values()].map(
      ({ key, id }) =>
        `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId><Initiated>${ISO}</Initiated></Upload>`,
    );
    const inside = `<Bucket>${bucket}</Bucket><IsTruncated>false</IsTruncated>${rows.join('')}`;
    return xml('ListMultipartUploads', 'ListMultipartUploadsResult', inside);
  }
  if (!query.has('bucketInfo')) return refuse('GetBucket', 501, 'NotImplemented');
  const owner = `<Owner><ID>${OWNER}</ID><DisplayName>${OWNER}</DisplayName></Owner>`;
  const place = `<Name>${bucket}</Name><Location>oss-cn-beijing</Location><StorageClass>Standard</StorageClass>`;
  return xml('GetBucketInfo', 'BucketInfo', `<Bucket>${place}${owner}</Bucket>`);
}

function listBuckets(): Answer {
  const owner = `<Owner><ID>${OWNER}</ID><DisplayName>${OWNER}</DisplayName></Owner>`;
  const row = '<Bucket><Name>bench</Name><Region>cn-beijing</Region><Location>oss-cn-beijing</Location></Bucket>';
  return xml(
    'ListBuckets',
    'ListAllMyBucketsResult',
    `${owner}<Buckets>${row}</Buckets><IsTruncated>false</IsTruncated>`,
  );
}

export function answer(request: Request): Answer {
  if (request.bucket === '') return listBuckets();
  if (request.key === '') return onBucket(request);
  const id = request.query.get('uploadId');
  if (id !== null) return onUpload(request, id);
  return request.query.has('uploads') ? initiate(request) : onObject(request);
}
