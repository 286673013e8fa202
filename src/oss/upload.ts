import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { CloudError } from '../cloud/errors.ts';
import type { Oss } from './client.ts';
import { combine, Crc64 } from './crc64.ts';
import { headObject, MARK, toState } from './objects.ts';

/** The file to be staged, opened once. */
export interface Source {
  handle: FileHandle;
  /** Bytes. */
  size: number;
}

export interface Staging {
  key: string;
  /** `<repository>/<run id>`. */
  run: string;
  /** Whether an object of ours may be under the key already. */
  overwrite: boolean;
  /** Called as soon as there is an upload to abort. */
  onInitiated: (uploadId: string) => void;
}

/** What lies in the bucket, proven to be the file byte for byte. */
export interface StagedObject {
  bucket: string;
  key: string;
  /** Bytes. */
  size: number;
  /** CRC-64/XZ, an unsigned decimal. */
  crc64: string;
  etag: string;
  versionId: string | undefined;
}

const PART = 8 * 1024 ** 2;
const SLICE = 1024 ** 2;
const CONNECTIONS = 8;

/**
 * Uploads a file as one object and proves by CRC-64 that it arrived.
 * @throws CloudError
 */
export async function upload(oss: Oss, source: Source, staging: Staging): Promise<StagedObject> {
  const { key, run } = staging;
  const size = Math.max(PART, Math.ceil(source.size / 10_000));
  const headers = { [MARK]: run, 'x-oss-storage-class': 'Standard' };
  const { uploadId: id } = await oss.call('oss:InitiateMultipartUpload', (sdk) =>
    sdk.initMultipartUpload(key, { headers, mime: 'application/octet-stream' }),
  );
  if (id === undefined) throw new CloudError('oss:InitiateMultipartUpload', 'UnexpectedAnswer', 'no upload id');
  staging.onInitiated(id);
  const count = Math.ceil(source.size / size);
  const sent: { number: number; etag: string; crc: bigint; length: number }[] = [];
  let next = 0;
  const stop = new AbortController();
  const worker = async () => {
    while (next < count) {
      const index = next++;
      const offset = index * size;
      const length = Math.min(size, source.size - offset);
      const part = await oss.call(
        'oss:UploadPart',
        async (sdk) => {
          const crc = new Crc64();
          const body = Readable.from(slices(source, offset, length, crc), { objectMode: false, highWaterMark: SLICE });
          const { etag, res } = await sdk.uploadPart(key, id, index + 1, body, 0, length);
          const digest = crc.digest();
          const answered = res.headers['x-oss-hash-crc64ecma'];
          if (answered !== undefined && answered !== String(digest)) {
            throw new CloudError('oss:UploadPart', 'IntegrityMismatch', `part ${index + 1} arrived damaged`);
          }
          return { number: index + 1, etag, crc: digest, length };
        },
        { timeout: 3_600_000, stall: 30_000, signal: stop.signal },
      );
      sent[index] = part;
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  } catch (error) {
    stop.abort(error);
    throw error;
  }
  const crc64 = String(sent.reduce((all, { crc, length }) => combine(all, crc, length), 0n));
  const forbid: Record<string, string> = staging.overwrite ? {} : { 'x-oss-forbid-overwrite': 'true' };
  const { res } = await oss.call('oss:CompleteMultipartUpload', (sdk) =>
    sdk.completeMultipartUpload(key, id, sent, { headers: forbid }),
  );
  const head = await headObject(oss, key);
  const state = head === undefined || head === 'unknown' ? toState(res.headers) : head;
  if (state.crc64 !== crc64) throw new CloudError('oss:HeadObject', 'IntegrityMismatch', 'the object is not the file');
  return { bucket: oss.bucket, key, size: source.size, crc64, etag: state.etag, versionId: state.versionId };
}

async function* slices(source: Source, offset: number, length: number, crc: Crc64) {
  for (let done = 0; done < length;) {
    const slice = Buffer.allocUnsafe(Math.min(SLICE, length - done));
    const { bytesRead } = await source.handle.read(slice, 0, slice.length, offset + done);
    if (bytesRead === 0) throw new CloudError('file', 'FileShrank', `the file ends at byte ${offset + done}`);
    const bytes = slice.subarray(0, bytesRead);
    crc.update(bytes);
    done += bytesRead;
    yield bytes;
  }
}
