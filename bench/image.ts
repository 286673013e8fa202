/**
 * Disk images to upload: a GPT and one partition with the layout of a freshly filled ext4 (clustered runs of data of mixed
 * sizes; superblock copies and inode tables between them). The same seed gives the same bytes. The data is random and does
 * not compress. A file can also consist of data only, or have zeros written where it would have holes.
 */
import { createCipheriv } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomFrom } from './flow.ts';

export interface ImageSettings {
  /** Bytes. */
  size: number;
  /** The share of data in the bytes; 1 is a file without zeros. */
  share: number;
  seed: number;
  /** Writes zeros instead of holes, as a download does. */
  allocated?: boolean;
}

interface Extent {
  start: number;
  end: number;
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const BLOCK = 4 * KIB;
/** In ext4, blocks of 4 KiB form groups of 128 MiB, and 16 groups have their bitmaps and inode tables together. */
const GROUP = 128 * MIB;
const FLEX = 16;
/** The unit in which the upload looks for zeros, in bytes. */
const UNIT = 128 * KIB;
const PIECE = 4 * MIB;

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Sorts extents, rounds them to whole units inside the file, and merges those that touch or overlap. */
function merge(extents: Extent[], unit: number, size: number): Extent[] {
  const merged: Extent[] = [];
  for (const { start, end } of extents.toSorted((a, b) => a.start - b.start)) {
    const from = Math.floor(start / unit) * unit;
    const to = Math.min(roundUp(end, unit), size);
    const last = merged.at(-1);
    if (last !== undefined && from <= last.end) last.end = Math.max(last.end, to);
    else if (from < to) merged.push({ start: from, end: to });
  }
  return merged;
}

/** Partition tables, superblocks, group descriptors, bitmaps, inode tables and the start of the journal. */
function metadata(size: number): Extent[] {
  const at = (start: number, length: number): Extent => ({ start, end: start + length });
  const extents = [at(0, 34 * 512), at(size - 33 * 512, 33 * 512), at(size / 2, MIB)];
  const isPowerOf = (base: number, value: number): boolean => {
    const exponent = Math.round(Math.log(value) / Math.log(base));
    return base ** exponent === value;
  };
  for (let group = 0; MIB + group * GROUP < size; group++) {
    const start = MIB + group * GROUP;
    // `sparse_super`: the groups 0, 1 and the powers of 3, 5 and 7 have a copy of the superblock.
    if (group < 2 || [3, 5, 7].some((base) => isPowerOf(base, group))) extents.push(at(start, 3 * BLOCK));
    if (group % FLEX === 0) extents.push(at(start + MIB, group === 0 ? 8 * MIB : 256 * KIB));
  }
  return extents;
}

/**
 * Runs between 64 KiB and 512 MiB, log-uniform (about 60 MiB on average, as measured in real images), with gaps whose sizes
 * differ by a factor of up to 100,000.
 */
function files({ size, share, seed }: ImageSettings): Extent[] {
  const random = randomFrom(seed);
  const first = 10 * MIB;
  const budget = size * share - first;
  const runs: number[] = [];
  for (let left = budget; left > 0; left -= runs.at(-1) ?? 0) {
    runs.push(roundUp(Math.min(left, 64 * KIB * 8192 ** random()), BLOCK));
  }
  const weights = runs.map(() => 100_000 ** random());
  const unit =
    (size - first - runs.reduce((sum, run) => sum + run, 0)) / weights.reduce((sum, weight) => sum + weight, 0);
  let at = first;
  return runs.map((run, index) => {
    const start = Math.floor((at + (weights[index] ?? 0) * unit) / BLOCK) * BLOCK;
    at = start + run;
    return { start, end: at };
  });
}

function layout(settings: ImageSettings): Extent[] {
  if (settings.share === 1) return [{ start: 0, end: settings.size }];
  return merge([...metadata(settings.size), ...files(settings)], BLOCK, settings.size);
}

/** The bytes that must be sent: those in units of 128 KiB that are not all zeros. */
export function nonZeroBytes(settings: ImageSettings): number {
  return merge(layout(settings), UNIT, settings.size).reduce((sum, { start, end }) => sum + end - start, 0);
}

async function fill(file: FileHandle, { start, end }: Extent, next: (length: number) => Uint8Array): Promise<void> {
  for (let at = start; at < end; at += PIECE) {
    const bytes = next(Math.min(PIECE, end - at));
    await file.write(bytes, 0, bytes.length, at);
  }
}

/** Writes the image under another name and renames it, so that an interrupted build does not look like an image. */
export async function writeImage(path: string, settings: ImageSettings): Promise<void> {
  const zeros = new Uint8Array(PIECE);
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, settings.seed), Buffer.alloc(16));
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.part`, 'w');
  await file.truncate(settings.size);
  let written = 0;
  for (const extent of layout(settings)) {
    if (settings.allocated)
      await fill(file, { start: written, end: extent.start }, (length) => zeros.subarray(0, length));
    await fill(file, extent, (length) => noise.update(zeros.subarray(0, length)));
    written = extent.end;
  }
  if (settings.allocated)
    await fill(file, { start: written, end: settings.size }, (length) => zeros.subarray(0, length));
  await file.close();
  await rename(`${path}.part`, path);
}
