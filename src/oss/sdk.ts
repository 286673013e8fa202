import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** Header names are lower case; ETags keep their quotes. */
export interface Answer {
  res: { headers: IncomingHttpHeaders; data?: Buffer };
}
type Headers = Record<string, string>;

/** The requests of ali-oss that are used here. Its published types are loose, and wrong in places. */
export interface Sdk {
  listBuckets(query: object): Promise<{ buckets: { name?: string; region?: string }[] | null }>;
  getBucketInfo(bucket: string): Promise<{ bucket?: unknown }>;
  getBucketWorm(bucket: string): Promise<{ state?: string; days?: string }>;
  putBucket(bucket: string): Promise<Answer>;
  putBucketLifecycle(bucket: string, rules: object[]): Promise<Answer>;
  head(key: string): Promise<Answer>;
  put(key: string, content: Buffer, options: { headers: Headers }): Promise<Answer>;
  delete(key: string, options?: { versionId?: string }): Promise<Answer>;
  initMultipartUpload(key: string, options: { headers: Headers; mime: string }): Promise<{ uploadId?: string }>;
  uploadPart(
    key: string,
    id: string,
    part: number,
    body: Readable,
    start: number,
    end: number,
  ): Promise<Answer & { etag: string }>;
  uploadPartCopy(
    key: string,
    id: string,
    part: number,
    range: string,
    source: { sourceKey: string; sourceBucketName: string },
  ): Promise<Answer & { etag?: string }>;
  listParts(key: string, id: string, query: object): Promise<Record<string, unknown>>;
  listUploads(query: object): Promise<{
    uploads: { name?: string; uploadId?: string; initiated?: string }[];
    nextKeyMarker?: string;
    nextUploadIdMarker?: string;
    isTruncated: boolean;
  }>;
  listV2(query: object): Promise<{
    objects: { name: string }[];
    isTruncated: boolean;
    nextContinuationToken: string | null;
  }>;
  completeMultipartUpload(
    key: string,
    id: string,
    parts: { number: number; etag: string }[],
    options: { headers: Headers },
  ): Promise<Answer>;
  abortMultipartUpload(key: string, id: string): Promise<Answer>;
}
