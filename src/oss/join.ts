import { createHash } from 'node:crypto';
import { listAt, textAt } from '../cloud/json.ts';
import type { Oss } from './client.ts';
import { Crc64, zerosCrc } from './crc64.ts';
import type { Part } from './cut.ts';
import { sameEtag } from './objects.ts';
import { readFully, type Source } from './reader.ts';
import type { StoredPart } from './sender.ts';

/** The parts of an unfinished upload by number. The action keeps no list of its own. */
export type ListedParts = Map<number, { size: number; etag: string }>;

/** Lists the parts of an upload. @throws CloudError */
export async function listParts(oss: Oss, key: string, id: string): Promise<ListedParts> {
  const parts: ListedParts = new Map();
  let marker = '0';
  for (;;) {
    const query = { 'max-parts': 1000, 'part-number-marker': marker };
    const page = await oss.call('oss:ListParts', (sdk) => sdk.listParts(key, id, query));
    for (const part of listAt(page, 'parts')) {
      parts.set(Number(textAt(part, 'PartNumber')), {
        size: Number(textAt(part, 'Size')),
        etag: textAt(part, 'ETag') ?? '',
      });
    }
    const next = textAt(page, 'nextPartNumberMarker');
    if (textAt(page, 'isTruncated') !== 'true' || next === undefined || next === marker) return parts;
    marker = next;
  }
}

/** Compares the listed parts of an upload with the file. */
export interface Checker {
  /** Whether a part of this number and size is listed, whatever its content. */
  lists: (part: Part) => boolean;
  /** Returns the listed part if its MD5 equals that of the file. Call it once at a time. */
  check: (part: Part) => Promise<StoredPart | undefined>;
}

/** A listed part counts only if its size and MD5 equal the file's. */
export function checker(source: Source, parts: ListedParts): Checker {
  const listedAs = ({ number, length }: Part) => {
    const listed = parts.get(number);
    return listed?.size === length ? listed : undefined;
  };
  const zeroSums = new Map<number, string>();
  const buffer = Buffer.allocUnsafeSlow(1024 ** 2);
  const check = async (part: Part): Promise<StoredPart | undefined> => {
    const listed = listedAs(part);
    if (listed === undefined) return undefined;
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
    const sum = known ?? md5.digest('hex');
    if (part.zero) zeroSums.set(part.length, sum);
    if (!sameEtag(listed.etag, sum)) return undefined;
    const { number, length, zero } = part;
    return { number, length, etag: listed.etag, crc: zero ? zerosCrc(length) : crc.digest() };
  };
  return { lists: (part) => listedAs(part) !== undefined, check };
}

/** Whether the ETag of each part, in order, is the MD5 of its bytes in the file. @throws CloudError */
export async function holdsParts(source: Source, parts: StoredPart[]): Promise<boolean> {
  const { check } = checker(source, new Map(parts.map(({ number, length, etag }) => [number, { size: length, etag }])));
  let offset = 0;
  for (const { number, length, crc } of parts) {
    const part = { number, offset, length, zero: crc === zerosCrc(length) };
    if ((await check(part)) === undefined) return false;
    offset += length;
  }
  return true;
}
