import { AGAIN, DiskError } from '../disk.ts';
import { drain, type ByteReader } from './bytes.ts';
import { paxRecords, paxSparse, sparseBody, gnuSparse, number, type Piece } from './tar-sparse.ts';

/** A plain file of an archive. Its name is only ever compared and shown: nothing is made under it. */
export interface Member {
  name: string;
  /** Bytes, holes included. */
  size: number;
  body: AsyncIterable<Buffer>;
}

const BLOCK = 512;
const TEXT_LIMIT = 1024 ** 2;

/**
 * The plain files of a tar archive, one after the other as it streams by; links, devices and directories are passed over.
 * Formats: POSIX ustar and pax, and GNU with long names and sparse files, which is how Google's `disk.tar.gz` is packed
 * (https://www.gnu.org/software/tar/manual/html_section/Tar-Internals.html).
 * @throws DiskError for damaged or cut-off archives
 */
export async function* members(reader: ByteReader): AsyncGenerator<Member> {
  let longName: string | undefined;
  let pax = new Map<string, string>();
  let pairs: [string, string][] = [];
  for (;;) {
    const header = await reader.take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    checkSum(header);
    const type = String.fromCharCode(header.readUInt8(156));
    const stored = number(pax.get('size') ?? header.subarray(124, 136));
    if (type === 'L' || type === 'x') {
      const text = await takeText(reader, stored);
      if (type === 'L') longName = text.toString().replace(/\0.*$/s, '');
      else pax = new Map((pairs = paxRecords(text)));
      continue;
    }
    if (type === 'S' || type === '0' || type === '\0' || type === '7') {
      const sparse = type === 'S' ? await gnuSparse(reader, header) : await paxSparse(reader, pairs, stored);
      const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? plainName(header);
      const data = reader.some(stored - (sparse?.mapLength ?? 0));
      const pieces: Piece[] = sparse?.pieces ?? [{ offset: 0, length: stored }];
      const size = sparse?.size ?? stored;
      yield { name, size, body: sparse === undefined ? data : sparseBody(data, pieces, size) };
      await drain(data);
      await skip(reader, padding(stored));
    } else if (type !== 'g' && '123456'.includes(type)) {
      // Links and devices have no data, whatever their size says.
    } else await skip(reader, stored + padding(stored));
    longName = undefined;
    pax = new Map();
    pairs = [];
  }
  // What packed the archive has a checksum behind its last byte.
  await drain(reader.rest());
}

const padding = (length: number): number => (BLOCK - (length % BLOCK)) % BLOCK;

async function skip(reader: ByteReader, length: number): Promise<void> {
  await drain(reader.some(length));
}

async function takeText(reader: ByteReader, length: number): Promise<Buffer> {
  if (length > TEXT_LIMIT) throw new DiskError([`A header of the tar archive has more than 1 MiB. ${AGAIN}`]);
  const text = await reader.take(length);
  await skip(reader, padding(length));
  return text;
}

function checkSum(header: Buffer): void {
  let sum = 8 * 32;
  for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== number(header.subarray(148, 156)))
    throw new DiskError([`The tar archive is damaged: a header has a wrong checksum. ${AGAIN}`]);
}

function plainName(header: Buffer): string {
  const text = (from: number, to: number) => header.toString('utf8', from, to).replace(/\0.*$/s, '');
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}
