import { createGunzip } from 'node:zlib';
import { DiskError, type Packed } from '../disk.ts';
import { bytes } from '../text.ts';
import { foreignKind } from '../foreign.ts';
import { ByteReader } from './bytes.ts';
import { Checksums } from './manifest.ts';
import { notOne, rankOf, type Rank } from './pick.ts';
import { filter, through, type Programs } from './program.ts';
import { members } from './tar.ts';
import { unzstd } from './zstd.ts';

/** A disk inside one or more containers. */
export interface Inner {
  /** The containers and the kind of a foreign disk, outermost first, for people. */
  layers: string[];
  /** Bytes of the disk, where an archive gives them. */
  size?: number;
  head: Buffer;
  body: ByteReader;
}

const HEAD = 2 ** 20;
const DEPTH = 5;
type Stream = 'gzip' | 'zstd' | 'xz' | 'bzip2';
const isStream = (kind: Packed | undefined): kind is Stream => /^(gzip|zstd|xz|bzip2)$/.test(kind ?? '');
const FILTERS = {
  // The file decides how much memory xz takes, up to gigabytes; a file made by `xz -9` needs 65 MiB.
  xz: { args: ['--decompress', '--stdout', '--quiet', '--memlimit-decompress=1GiB'], debian: 'xz-utils' },
  bzip2: { args: ['--decompress', '--stdout'], debian: 'bzip2' },
};

/**
 * Reads through all containers around a disk in one pass. Yields the disk; in an archive it may yield again when a later
 * member is more certainly the disk, which then replaces the first. Stopping early ends all programs.
 * @param limit most bytes that a container may unpack to
 * @throws DiskError for damaged data, and after the last disk when an archive does not hold exactly one
 */
export async function* disksIn(
  source: AsyncIterable<Buffer>,
  programs: Programs,
  limit: number,
  layers: string[] = [],
  size?: number,
): AsyncGenerator<Inner> {
  const body = new ByteReader(source);
  try {
    const head = await body.peek(HEAD);
    const kind = foreignKind(head);
    const inside = kind === undefined ? layers : [...layers, kind.is];
    if (inside.length > DEPTH) throw new DiskError([`It has more than ${DEPTH} nested containers.`]);
    if (isStream(kind?.packed))
      yield* disksIn(atMost(unpacked(kind.packed, body, programs), limit), programs, limit, inside);
    else if (kind?.packed === 'tar') yield* disksInTar(body, programs, limit, inside);
    else if (kind !== undefined && kind.packed === undefined)
      throw new DiskError([`It contains a file that this action cannot unpack (${kind.is}). Unpack it yourself.`]);
    else yield { layers: inside, head, body, ...(size !== undefined && { size }) };
  } finally {
    await body.close();
  }
}

async function* disksInTar(
  archive: ByteReader,
  programs: Programs,
  limit: number,
  layers: string[],
): AsyncGenerator<Inner> {
  const all: string[] = [];
  let best: Rank = 0;
  let found: string[] = [];
  let manifest = '';
  let checksums: Checksums | undefined;
  for await (const member of members(archive)) {
    const { name, size, body } = member;
    all.push(name);
    const sums = all[0]?.endsWith('.ovf') === true ? new Checksums() : undefined;
    const reader = new ByteReader(sums?.of(body) ?? body);
    const head = await reader.peek(HEAD);
    if (name.endsWith('.mf')) manifest = head.toString();
    // A later member of the same name replaces the earlier one, as it does when tar extracts them.
    if (found.length === 1 && found[0] === name) {
      best = 0;
      found = [];
    }
    const rank = await rankOf(member, head);
    if (rank === 0 || rank < best) continue;
    if (rank > best) {
      best = rank;
      found = [];
      // A sparse member may be zeros without end, so its size counts and not its bytes.
      if (size > limit) throw tooLarge(limit);
      yield* disksIn(reader.pieces(), programs, limit, layers, size);
      await reader.skip();
      checksums = sums;
    }
    found.push(name);
  }
  const [only = ''] = found;
  if (found.length !== 1) throw notOne(found, all);
  checksums?.check(manifest, only);
}

function unpacked(kind: Stream, body: ByteReader, programs: Programs): AsyncIterable<Buffer> {
  if (kind === 'gzip') return through(body.pieces(), createGunzip({ chunkSize: 2 ** 18 }));
  if (kind === 'zstd') return unzstd(body);
  const { args, debian } = FILTERS[kind];
  const program = programs[kind];
  if (program !== undefined) return filter(body.pieces(), program, args);
  const install = `sudo apt-get install -y ${debian}`;
  throw new DiskError([`Unpacking it needs ${kind}, which this runner does not have. Run: ${install}`]);
}

async function* atMost(source: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    yield chunk;
  }
}

const tooLarge = (limit: number) =>
  new DiskError([`It unpacks to more than ${bytes(limit)}, the largest disk that ECS takes.`]);
