/**
 * Disk images to upload: a GPT and one partition with the shape of a freshly filled ext4 (runs of data of mixed sizes, clustered,
 * superblock copies and inode tables scattered over the zeros), the same bytes for the same seed. The data is random, so
 * nothing compresses it. Also files of nothing but data, and images whose holes are filled with zeros.
 */
import { createCipheriv } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomFrom } from './flow.ts';

export interface ImageSettings {
  /** Bytes. */
  size: number;
  /** Part of the bytes that are data: 1 for a file without zeros. */
  share: number;
  seed: number;
  /** Holes are written as zeros, as after a download. */
  allocated?: boolean;
}

interface Extent {
  start: number;
  end: number;
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const BLOCK = 4 * KIB;
/** ext4: blocks of 4 KiB make groups of 128 MiB; 16 of them keep their bitmaps and inode tables together. */
const GROUP = 128 * MIB;
const FLEX = 16;
/** The upload looks for zeros in units of this many bytes. */
const UNIT = 128 * KIB;
const PIECE = 4 * MIB;

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Extents in order, those that touch or overlap made one, in whole units, inside the file. */
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
    // `sparse_super`: copies of the superblock live in the groups 0, 1 and the powers of 3, 5 and 7.
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

/** Bytes that lie in units of 128 KiB which are not all zeros: what has to travel. */
export function nonZeroBytes(settings: ImageSettings): number {
  return merge(layout(settings), UNIT, settings.size).reduce((sum, { start, end }) => sum + end - start, 0);
}

async function fill(file: FileHandle, { start, end }: Extent, next: (length: number) => Uint8Array): Promise<void> {
  for (let at = start; at < end; at += PIECE) {
    const bytes = next(Math.min(PIECE, end - at));
    await file.write(bytes, 0, bytes.length, at);
  }
}

/** Writes the image under its name at once, so that an interrupted build is not taken for an image. */
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
