import { DiskError } from '../disk.ts';
import type { Extent } from '../extents.ts';
import { AGAIN } from '../text.ts';
import { ByteReader } from './bytes.ts';

export interface Sparse {
  /** Bytes, holes included. */
  size: number;
  pieces: Extent[];
}

const BLOCK = 512;
const PIECES_LIMIT = 2 ** 20;
const MAP_LIMIT = 32 * 2 ** 20;
const ZEROS = Buffer.alloc(2 ** 20);

const damaged = () => new DiskError([`The tar archive is damaged: a header makes no sense. ${AGAIN}`]);

/** A number of a header: octal or GNU's base 256, or decimal if it is text from a pax record. @throws DiskError */
export function number(field: Buffer | string): number {
  let value = NaN;
  if (typeof field === 'string') value = /^\d+$/.test(field) ? Number(field) : NaN;
  else if ((field[0] ?? 0) === 0x80) value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  else {
    const text = field.toString('latin1').replace(/\0.*$/s, '').trim();
    value = /^[0-7]*$/.test(text) ? parseInt(text || '0', 8) : NaN;
  }
  if (!Number.isSafeInteger(value)) throw damaged();
  return value;
}

/** The records of a pax header, in order, because GNU's sparse format 0.0 repeats its keys. @throws DiskError */
export function paxRecords(text: Buffer): [string, string][] {
  const records: [string, string][] = [];
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(' ', at);
    const length = space < 0 ? NaN : Number(text.toString('latin1', at, space));
    const end = at + length;
    const equals = text.indexOf('=', space);
    if (!(end <= text.length && length > 0) || equals < 0 || equals >= end) throw damaged();
    records.push([text.toString('latin1', space + 1, equals), text.toString('utf8', equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** The map of a sparse file in GNU's old format, which continues in the blocks after the header. */
export async function gnuSparse(reader: ByteReader, header: Buffer): Promise<Sparse> {
  const pieces: Extent[] = [];
  const read = (block: Buffer, at: number, count: number) => {
    for (let index = 0; index < count; index += 1) {
      const from = at + index * 24;
      if (block[from] !== 0) {
        pieces.push({
          offset: number(block.subarray(from, from + 12)),
          length: number(block.subarray(from + 12, from + 24)),
        });
      }
    }
    if (pieces.length > PIECES_LIMIT) throw damaged();
  };
  read(header, 386, 4);
  for (let more = header[482] === 1; more;) {
    const block = await reader.take(BLOCK);
    read(block, 0, 21);
    more = block[504] === 1;
  }
  return { size: number(header.subarray(483, 495)), pieces };
}

/** The map of a sparse file in GNU's pax formats 0.0, 0.1 and 1.0; undefined for a file that is not sparse. */
export async function paxSparse(
  reader: ByteReader,
  pairs: [string, string][],
  stored: number,
): Promise<Sparse | undefined> {
  const pax = new Map(pairs);
  const size = pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size');
  if (size === undefined) return undefined;
  if (pax.get('GNU.sparse.major') === '1') return { size: number(size), pieces: await mapInData(reader, stored) };
  const map = pax.get('GNU.sparse.map')?.split(',');
  const repeated = pairs.filter(([key]) => /^GNU\.sparse\.(offset|numbytes)$/.test(key)).map(([, value]) => value);
  return { size: number(size), pieces: pairUp(map ?? repeated) };
}

/** Format 1.0: decimal lines before the data, first the number of pieces, padded to a whole block. */
async function mapInData(reader: ByteReader, stored: number): Promise<Extent[]> {
  const blocks: Buffer[] = [];
  let lines = 0;
  let wanted = Infinity;
  while (lines < wanted) {
    const mapLength = (blocks.length + 1) * BLOCK;
    if (mapLength > stored || mapLength > MAP_LIMIT) throw damaged();
    const block = await reader.take(BLOCK);
    blocks.push(block);
    lines += block.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
    // The number of pieces is in the first block.
    if (blocks.length === 1) wanted = 1 + 2 * number(block.toString('latin1').split('\n')[0] ?? '');
  }
  const numbers = Buffer.concat(blocks).toString('latin1').split('\n');
  return pairUp(numbers.slice(1, wanted));
}

function pairUp(numbers: string[]): Extent[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * PIECES_LIMIT) throw damaged();
  const pieces: Extent[] = [];
  for (let at = 0; at < numbers.length; at += 2)
    pieces.push({ offset: number(numbers[at] ?? ''), length: number(numbers[at + 1] ?? '') });
  return pieces;
}

/** The sparse file: its data with the zeros between. @throws DiskError when pieces overlap or exceed the size */
export async function* sparseBody(data: AsyncIterable<Buffer>, { pieces, size }: Sparse): AsyncGenerator<Buffer> {
  const reader = new ByteReader(data);
  let at = 0;
  for (const { offset, length } of [...pieces, { offset: size, length: 0 }]) {
    if (offset < at || offset + length > size) throw damaged();
    for (let left = offset - at; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
    yield* reader.pieces(length);
    at = offset + length;
  }
}
