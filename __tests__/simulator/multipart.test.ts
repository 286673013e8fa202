import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { collect } from '../../simulator/store.ts';
import { type Oss, code, oss } from './clients.ts';

const KIB = 1024;
const directory = mkdtempSync(join(tmpdir(), 'multipart-'));
let simulator: Simulator;
let client: Oss;

beforeAll(async () => {
  simulator = await startSimulator();
  client = oss(simulator);
});
afterEach(() => {
  expect(simulator.record.filter(({ violation }) => violation?.startsWith('simulator'))).toEqual([]);
});
afterAll(() => simulator.close());
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, bytes: Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

/** Uploads a file in parts of these sizes. */
async function upload(key: string, path: string, sizes: number[]) {
  const { uploadId } = await client.initMultipartUpload(key, { headers: { 'x-oss-meta-run': '7' } });
  const parts = [];
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    const { etag } = await client.uploadPart(key, uploadId, index + 1, path, at, at + size);
    parts.push({ number: index + 1, etag });
    at += size;
  }
  return { uploadId, parts };
}

describe('multipart uploads', () => {
  it('become an object with the bytes of the file', async () => {
    const path = file('mixed', Buffer.concat([randomBytes(150 * KIB), Buffer.alloc(200 * KIB), randomBytes(5)]));
    const sizes = [120 * KIB, 130 * KIB, 100 * KIB + 5];
    const { uploadId, parts } = await upload('disk.raw', path, sizes);
    const listed = await client.listParts('disk.raw', uploadId, { 'max-parts': 2 });
    expect(listed).toMatchObject({ isTruncated: 'true', nextPartNumberMarker: '2' });
    expect((await client.listUploads({ prefix: 'disk' })).uploads).toMatchObject([{ name: 'disk.raw', uploadId }]);
    const { res } = await client.completeMultipartUpload('disk.raw', uploadId, parts);
    expect(await simulator.world.sameAsFile('packer', 'disk.raw', path)).toBe(true);
    const head = await client.head('disk.raw');
    expect(head.meta).toEqual({ run: '7' });
    expect(head.res.headers).toMatchObject({ etag: res.headers.etag, 'x-oss-object-type': 'Multipart' });
    const whole = await client.put('whole', await collect(simulator.world.readObject('packer', 'disk.raw')));
    expect(head.res.headers['x-oss-hash-crc64ecma']).toBe(whole.res.headers['x-oss-hash-crc64ecma']);
    expect(await code(client.completeMultipartUpload('disk.raw', uploadId, parts))).toBe('NoSuchUpload');
  });

  it('are refused if they break a rule', async () => {
    const path = file('small', Buffer.alloc(300 * KIB, 1));
    const { uploadId, parts } = await upload('refused', path, [100 * KIB - 1, 100 * KIB]);
    const complete = (some: typeof parts) => code(client.completeMultipartUpload('refused', uploadId, some));
    expect(await complete(parts)).toBe('EntityTooSmall');
    expect(await complete([{ number: 2, etag: 'nonsense' }])).toBe('InvalidPart');
    expect(await complete([])).toBe('MalformedXML');
    expect(await code(client.uploadPart('refused', uploadId, 10_001, path, 0, 10))).toBe('InvalidArgument');
    await client.abortMultipartUpload('refused', uploadId);
    expect(await code(client.completeMultipartUpload('refused', uploadId, parts))).toBe('NoSuchUpload');
  });

  it('are listed page by page', async () => {
    for (const key of ['p/1', 'p/1', 'p/2']) await client.initMultipartUpload(key);
    const first = await client.listUploads({ prefix: 'p/', 'max-uploads': 2 });
    expect(first).toMatchObject({
      isTruncated: true,
      nextKeyMarker: 'p/1',
      uploads: [{ name: 'p/1' }, { name: 'p/1' }],
    });
    const { nextKeyMarker, nextUploadIdMarker } = first as unknown as Record<string, string>;
    const rest = await client.listUploads({
      prefix: 'p/',
      'key-marker': nextKeyMarker,
      'upload-id-marker': nextUploadIdMarker,
    });
    expect(rest.uploads.map(({ name }) => name)).toEqual(['p/2']);
  });

  it('copy zeros from an object: 20 GiB without time or space', async () => {
    const zeros = join(directory, 'zeros');
    writeFileSync(zeros, '');
    truncateSync(zeros, 64 * KIB * KIB);
    await simulator.world.putObject('packer', 'zeros', { path: zeros });
    const { uploadId } = await client.initMultipartUpload('large.raw');
    const source = { sourceKey: 'zeros', sourceBucketName: 'packer' };
    const parts = [];
    for (let number = 1; number <= 320; number++) {
      const { etag } = await client.uploadPartCopy('large.raw', uploadId, number, `0-${64 * KIB * KIB - 1}`, source);
      parts.push({ number, etag });
    }
    await client.completeMultipartUpload('large.raw', uploadId, parts);
    const { res } = await client.head('large.raw');
    expect(res.headers['content-length']).toBe(String(20 * KIB ** 3));
    truncateSync(zeros, 20 * KIB ** 3);
    expect(simulator.world.object('packer', 'large.raw')?.size).toBe(20 * KIB ** 3);
    const beyond = client.uploadPartCopy('large.raw', uploadId, 1, '0-1', source);
    expect(await code(beyond)).toBe('NoSuchUpload');
  });
});
