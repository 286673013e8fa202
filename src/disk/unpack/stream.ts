import { createGunzip } from 'node:zlib';
import { DiskError, type Packed } from '../disk.ts';
import { foreignKind } from '../foreign.ts';
import { ByteReader, drain } from './bytes.ts';
import { notOne, rankOf, type Rank } from './pick.ts';
import { filter, through, type Programs } from './program.ts';
import { members } from './tar.ts';
import { unzstd } from './zstd.ts';

/** The disk's own bytes, read through all containers around them. */
export interface Inner {
  /** What was taken off, outermost first, for people. */
  layers: string[];
  /** Bytes of the disk, where an archive says so. */
  size?: number;
  head: Buffer;
  body: ByteReader;
}

const HEAD = 2 ** 20;
const DEPTH = 5;
const STREAMS = new Set<Packed | undefined>(['gzip', 'zstd', 'xz', 'bzip2']);
/** xz reads from the file how much memory to take, up to gigabytes; `xz -9` needs 65 MiB. */
const XZ = ['--decompress', '--stdout', '--quiet', '--memlimit-decompress=1GiB'];

/**
 * Takes off every container around a disk in one pass, and hands what is inside to `take`. A later member of an archive that
 * is more surely the disk is handed over instead of the one before: then `take` is called again.
 * @throws DiskError
 */
export async function descend(
  source: AsyncIterable<Buffer>,
  programs: Programs,
  take: (inner: Inner) => Promise<void>,
  layers: string[] = [],
  size?: number,
): Promise<void> {
  const body = new ByteReader(source);
  const head = await body.peek(HEAD);
  const kind = foreignKind(head);
  const inside = kind === undefined ? layers : [...layers, kind.is];
  if (inside.length > DEPTH) throw new DiskError([`More than ${DEPTH} containers in one another.`]);
  if (kind !== undefined && STREAMS.has(kind.packed)) {
    await descend(unpacked(kind.packed, body, programs), programs, take, inside);
  } else if (kind?.packed === 'tar') await descendTar(body, programs, take, inside);
  else if (kind !== undefined && kind.packed === undefined)
    throw new DiskError([`Inside is something that is not unpacked here (${kind.is}). Unpack it and name the disk.`]);
  else await take({ layers: inside, head, body, ...(size !== undefined && { size }) });
}

async function descendTar(
  archive: ByteReader,
  programs: Programs,
  take: (inner: Inner) => Promise<void>,
  layers: string[],
): Promise<void> {
  const all: string[] = [];
  let best: Rank = 0;
  let found: string[] = [];
  for await (const member of members(archive)) {
    all.push(member.name);
    const reader = new ByteReader(member.body);
    const rank = await rankOf(member, await reader.peek(HEAD));
    if (rank === 0 || rank < best) continue;
    if (rank > best) {
      best = rank;
      found = [];
      await descend(reader.rest(), programs, take, layers, member.size);
    }
    found.push(member.name);
    await drain(reader.rest());
  }
  if (found.length !== 1) throw notOne(found, all);
}

function unpacked(kind: Packed | undefined, body: ByteReader, { xz, bzip2 }: Programs): AsyncIterable<Buffer> {
  if (kind === 'gzip') return through(body.rest(), createGunzip({ chunkSize: 2 ** 18 }));
  if (kind === 'zstd') return unzstd(body);
  const program = kind === 'xz' ? xz : bzip2;
  if (program !== undefined) return filter(body.rest(), program, kind === 'xz' ? XZ : ['-dc']);
  const name = kind === 'xz' ? 'xz' : 'bzip2';
  const install = `sudo apt-get install -y ${name === 'xz' ? 'xz-utils' : name}`;
  throw new DiskError([`This runner has no ${name} to unpack it with. Run: ${install}`]);
}
