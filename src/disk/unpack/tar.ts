import { DiskError } from '../disk.ts';
import { AGAIN } from '../text.ts';
import { isTarHeader } from '../foreign.ts';
import type { ByteReader } from './bytes.ts';
import { gnuSparse, number, paxRecords, paxSparse, sparseBody } from './tar-sparse.ts';

/** A regular file in an archive. Its name is only compared and shown: no file is created under it. */
export interface Member {
  name: string;
  /** Bytes, holes included. */
  size: number;
  body: AsyncIterable<Buffer>;
}

const BLOCK = 512;
const TEXT_LIMIT = 1024 ** 2;

/**
 * Yields the regular files of a tar archive as they stream by, and skips links, devices and directories. The caller may
 * leave any part of a body unread.
 * Formats: POSIX ustar and pax, and GNU with long names and sparse files, which is how Google packs its `disk.tar.gz`
 * (https://www.gnu.org/software/tar/manual/html_section/Tar-Internals.html).
 * @throws DiskError for a damaged or truncated archive
 */
export async function* members(reader: ByteReader): AsyncGenerator<Member> {
  let longName: string | undefined;
  let records: [string, string][] = [];
  for (;;) {
    const header = await reader.take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    if (!isTarHeader(header))
      throw new DiskError([`The tar archive is damaged: a header has a wrong checksum. ${AGAIN}`]);
    const pax = new Map(records);
    const type = String.fromCharCode(header.readUInt8(156));
    // The record is about the file, not about another header before it.
    const stored = number((/^[Lx]$/.test(type) ? undefined : pax.get('size')) ?? header.subarray(124, 136));
    if (type === 'L' || type === 'x') {
      const text = await takeText(reader, stored);
      if (type === 'L') longName = text.toString().replace(/\0.*$/s, '');
      else records = paxRecords(text);
      continue;
    }
    if (type === 'S' || type === '0' || type === '\0' || type === '7') {
      const old = type === 'S' ? await gnuSparse(reader, header) : undefined;
      const end = reader.position + stored;
      const sparse = old ?? (await paxSparse(reader, records, stored));
      const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? plainName(header);
      const data = reader.pieces(end - reader.position);
      yield { name, size: sparse?.size ?? stored, body: sparse === undefined ? data : sparseBody(data, sparse) };
      await reader.skip(end + padding(stored) - reader.position);
    } else if (!'123456'.includes(type)) await reader.skip(stored + padding(stored));
    // Links, devices and directories have no data, whatever size their header gives.
    longName = undefined;
    records = [];
  }
  // Reads on, because a compressed archive has its checksum at the very end.
  await reader.skip();
}

const padding = (length: number): number => (BLOCK - (length % BLOCK)) % BLOCK;

async function takeText(reader: ByteReader, length: number): Promise<Buffer> {
  if (length > TEXT_LIMIT) throw new DiskError([`The tar archive has a header of more than 1 MiB. ${AGAIN}`]);
  const text = await reader.take(length);
  await reader.skip(padding(length));
  return text;
}

function plainName(header: Buffer): string {
  const text = (from: number, to: number) => header.toString('utf8', from, to).replace(/\0.*$/s, '');
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}
