import { open } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiskError, Findings } from '../../src/disk/disk.ts';
import { boundedSource, type Source } from '../../src/disk/source.ts';
import { holdsDisk, openDisk } from '../../src/disk/inspect.ts';
import { readTable } from '../../src/disk/partitions.ts';
import { inspectQcow2 } from '../../src/disk/qcow2.ts';
import { inspectVhd } from '../../src/disk/vhd.ts';
import { BIOS_BOOT, dynamicVhd, EFI, GiB, gpt, LINUX, MiB, qcow2, scratch, vhdFooter, write } from './build.ts';

const LIMIT = 16 * MiB;
/** Mutations of each sample. */
const RUNS = process.env.MATRIX === 'whole' ? 5000 : 500;

/** A file of `size` bytes that begins with `image` and counts the bytes that are read. */
function memory(image: Buffer, size: number): Source & { total: number } {
  const source = {
    size,
    total: 0,
    read(offset: number, length: number) {
      source.total += length;
      if (source.total > LIMIT) return Promise.reject(new DiskError(['limit']));
      const buffer = Buffer.alloc(length);
      if (offset >= 0 && offset < image.length) image.copy(buffer, 0, offset, offset + length);
      return Promise.resolve(buffer);
    },
  };
  return source;
}

const disk = (pieces: [number, Buffer][], size: number) => {
  const image = Buffer.alloc(size);
  for (const [offset, piece] of pieces) piece.copy(image, offset);
  return image;
};

const samples: [string, Buffer, number[]][] = [
  ['GPT', disk(gpt({ size: 4 * MiB, types: [EFI, LINUX, BIOS_BOOT] }), 4 * MiB), [0, 440, 512, 600, 1024, 1100]],
  ['VHD', dynamicVhd(64 * MiB), [0, 60, 512, 1536, -512, -460]],
  ['fixed VHD', Buffer.concat([Buffer.alloc(MiB), vhdFooter({ size: MiB })]), [-512, -460]],
  ['QCOW2', qcow2(), [0, 20, 60, 72, 100, 65536, 131072, 196608]],
];

// Numbers that break arithmetic more often than random ones.
const nasty = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff).map((byte) => Buffer.alloc(8, byte));
const patch = fc.oneof(
  nasty,
  fc.uint8Array({ minLength: 1, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
);

describe.each(samples)('a damaged %s', (_, image, places) => {
  const damage = fc.array(fc.tuple(fc.constantFrom(...places), fc.nat(64), patch), { minLength: 1, maxLength: 4 });
  const damaged = (changes: [number, number, Buffer][]) => {
    const copy = Buffer.from(image);
    for (const [place, shift, bytes] of changes)
      bytes.copy(copy, Math.max(0, place < 0 ? copy.length + place : place) + shift);
    return copy;
  };

  it('gives a result or a DiskError within the read limit', async () => {
    const property = fc.asyncProperty(damage, fc.option(fc.nat(image.length)), async (changes, cut) => {
      const copy = damaged(changes).subarray(0, cut ?? image.length);
      for (const size of [copy.length, 2 ** 45]) {
        for (const inspect of [inspectVhd, inspectQcow2]) {
          const file = memory(copy, size);
          try {
            const inside = await inspect(file, new Findings('d'));
            if (inside.guest) await readTable(inside.guest, new Findings('d'), true);
          } catch (error) {
            expect(error).toBeInstanceOf(DiskError);
          }
        }
        try {
          await readTable(memory(copy, size), new Findings('d'), true);
        } catch (error) {
          expect(error).toBeInstanceOf(DiskError);
        }
      }
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('does so as a file, too, with one line for each problem', async () => {
    const path = join(scratch(), 'disk');
    const property = fc.asyncProperty(damage, async (changes) => {
      await write(path, image.length, [[0, damaged(changes)]]);
      await holdsDisk(path);
      try {
        await (await openDisk(path)).handle.close();
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        for (const problem of error.problems) expect(problem).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

describe('reading', () => {
  it('never exceeds the limit', async () => {
    const path = await write(join(scratch(), 'd'), GiB, []);
    const handle = await open(path);
    const source = boundedSource(handle, GiB);
    await source.read(0, LIMIT);
    await expect(source.read(0, 1)).rejects.toThrow(DiskError);
    await handle.close();
  });

  it('returns zeros outside of the file', async () => {
    const path = await write(join(scratch(), 'd'), 10, [[0, Buffer.alloc(10, 7)]]);
    const handle = await open(path);
    const source = boundedSource(handle, 10);
    expect(await source.read(8, 4)).toEqual(Buffer.from([7, 7, 0, 0]));
    for (const offset of [-512, 10, 2 ** 60, Infinity]) expect(await source.read(offset, 4)).toEqual(Buffer.alloc(4));
    await handle.close();
  });
});
