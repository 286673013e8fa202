import { createHash } from 'node:crypto';
import { hasCode, isDenied } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { now } from '../cloud/time.ts';
import type { Oss } from './client.ts';
import { Crc64, zerosCrc } from './crc64.ts';
import type { Part } from './cut.ts';
import { unfinishedUploads } from './objects.ts';
import { readFully, type Source } from './reader.ts';

/** A part of an earlier try that proved to hold the bytes of the file. */
export interface Listed {
  etag: string;
  crc: bigint;
}

/** An unfinished upload and what it holds; the server's list is the only checkpoint. */
export interface Joined {
  uploadId: string;
  parts: Map<number, { size: number; etag: string }>;
  /** Whether another run may have begun it, whose mark is then on the object. */
  mayBeOthers: boolean;
}

/** An upload that nobody has added to for so long, in ms, is nobody's any more. */
const ABANDONED = 10 * 60_000;

/**
 * The newest unfinished upload under the key that may be gone on with: any that must be ours, otherwise one that was
 * abandoned. Undefined when there is none or the right to look is missing.
 * @throws CloudError
 */
export async function findUnfinished(oss: Oss, key: string, ours: boolean): Promise<Joined | undefined> {
  try {
    const uploads = await unfinishedUploads(oss, key);
    for (const { id, initiated } of uploads.toSorted((a, b) => b.initiated - a.initiated)) {
      const { parts, newest } = await listParts(oss, key, id);
      if (ours || now() - Math.max(newest, initiated) > ABANDONED) return { uploadId: id, parts, mayBeOthers: true };
    }
  } catch (error) {
    if (!isDenied(error) && !hasCode(error, 'NoSuchUpload')) throw error;
  }
  return undefined;
}

/** What an upload holds, and when its newest part came, in ms since the epoch. @throws CloudError */
export async function listParts(
  oss: Oss,
  key: string,
  id: string,
): Promise<{ parts: Joined['parts']; newest: number }> {
  const parts: Joined['parts'] = new Map();
  let newest = 0;
  let marker = '0';
  for (;;) {
    const query = { 'max-parts': 1000, 'part-number-marker': marker };
    const page = await oss.call('oss:ListParts', (sdk) => sdk.listParts(key, id, query));
    // ali-oss gives one part as an object and `isTruncated` as a text.
    for (const part of [page.parts ?? []].flat()) {
      parts.set(Number(textAt(part, 'PartNumber')), {
        size: Number(textAt(part, 'Size')),
        etag: textAt(part, 'ETag') ?? '',
      });
      newest = Math.max(newest, Date.parse(textAt(part, 'LastModified') ?? '') || 0);
    }
    const next = textAt(page, 'nextPartNumberMarker');
    if (textAt(page, 'isTruncated') !== 'true' || next === undefined || next === marker) return { parts, newest };
    marker = next;
  }
}

/** Checks listed parts against the file: only one with the same size and MD5 counts. */
export function checker(source: Source, { parts }: Joined): (part: Part) => Promise<Listed | undefined> {
  const zeroSums = new Map<number, string>();
  const buffer = Buffer.allocUnsafeSlow(1024 ** 2);
  return async (part) => {
    const listed = parts.get(part.number);
    if (listed?.size !== part.length) return undefined;
    const known = part.zero ? zeroSums.get(part.length) : undefined;
    const md5 = createHash('md5');
    const crc = new Crc64();
    for (let done = 0; known === undefined && done < part.length;) {
      const length = Math.min(buffer.length, part.length - done);
      await readFully(source, buffer, length, part.offset + done);
      const slice = buffer.subarray(0, length);
      md5.update(slice);
      if (!part.zero) crc.update(slice);
      done += length;
    }
    const sum = known ?? md5.digest('hex').toUpperCase();
    if (part.zero) zeroSums.set(part.length, sum);
    if (listed.etag.replaceAll('"', '').toUpperCase() !== sum) return undefined;
    return { etag: listed.etag, crc: part.zero ? zerosCrc(part.length) : crc.digest() };
  };
}
