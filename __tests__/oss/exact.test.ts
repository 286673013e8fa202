import { rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataExtents } from '../../src/disk/extents.ts';
import { GRAIN } from '../../src/oss/cut.ts';
import { has, sh } from '../disk/build.ts';
import { pseudoRandom } from '../support/scene.ts';
import { counts, gather, isFile, KEY, MIB, openFile, openLab, sent, staging, type Lab, type Piece } from './lab.ts';
import { upload } from '../../src/oss/upload.ts';

const python3 = has('python3') ? sh('/', 'command -v python3').trim() : undefined;
const LEAST = 100 * 1024;

/** Uploads a new file. */
async function put(lab: Lab, size: number, pieces: Piece[], extents = false) {
  const path = join(lab.directory, 'disk');
  rmSync(path, { force: true });
  lab.simulator.world.bucket('packer')?.objects.delete(KEY);
  const source = await openFile(path, size, pieces);
  const { blocks } = await stat(path);
  if (extents) source.extents = await dataExtents({ ...source, allocated: blocks * 512 }, python3);
  const staged = await upload(lab.oss, source, staging());
  return { path, staged };
}

/** Pieces of data and of written zeros anywhere in a file of up to 24 MiB. They can overlap. */
const files = fc
  .record({
    size: fc.oneof(fc.integer({ min: 1, max: 3 * MIB }), fc.integer({ min: 1, max: 24 * MIB })),
    pieces: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 3 * MIB })),
        zero: fc.boolean(),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ size, pieces }) => ({
    size,
    pieces: pieces.map(({ at, length, zero }, seed): Piece => {
      const offset = Math.floor(at * (size - 1));
      const fits = Math.min(length, size - offset);
      return [offset, zero ? Buffer.alloc(fits) : pseudoRandom(fits, seed + 1)];
    }),
  }));

describe('the object is the file', () => {
  it('for random files, with and without extents, in the same parts', async () => {
    const lab = await openLab();
    await fc.assert(
      fc.asyncProperty(files, async ({ size, pieces }) => {
        const etags = [];
        for (const extents of [false, true]) {
          const { path, staged } = await put(lab, size, pieces, extents);
          const object = lab.simulator.world.object('packer', KEY);
          expect(await isFile(lab, path)).toBe(true);
          expect(staged).toMatchObject({ size, crc64: String(object?.crc), etag: object?.etag });
          etags.push(staged.etag);
        }
        // Equal ETags mean equal parts.
        expect(etags[0]).toBe(etags[1]);
      }),
      { numRuns: 20 },
    );
    expect(lab.simulator.record.filter(({ violation }) => violation)).toEqual([]);
    expect(lab.simulator.world.bucket('packer')?.uploads.size).toBe(0);
  });

  it.each([
    ['one byte', 1, 1],
    ['100 KB - 1', LEAST - 1, 1],
    ['100 KB', LEAST, 1],
    ['100 KB + 1', LEAST + 1, 1],
    ['exactly one part', MIB / 2, 1],
    ['one part and a byte', MIB / 2 + 1, 2],
    ['no zeros', 40 * MIB, 80],
  ])('%s', async (_, size, parts) => {
    const lab = await openLab();
    const { path, staged } = await put(lab, size, [[0, pseudoRandom(size, 1)]]);
    expect(await isFile(lab, path)).toBe(true);
    expect(staged.sent).toBe(size);
    // The answer to Complete proves the content, so no further request is needed.
    expect(counts(lab)).toEqual({
      InitiateMultipartUpload: 1,
      UploadPart: parts,
      CompleteMultipartUpload: 1,
    });
  });

  it.each([
    ['holes', []],
    ['zeros that are allocated on the disk', [[0, Buffer.alloc(130 * MIB + 5)]] as Piece[]],
  ])('all %s', async (_, pieces) => {
    const lab = await openLab();
    const { path, staged } = await put(lab, 130 * MIB + 5, pieces);
    expect(await isFile(lab, path)).toBe(true);
    expect(staged.sent).toBe(0);
    expect(counts(lab)).toEqual({
      InitiateMultipartUpload: 2,
      PutObject: 1,
      UploadPartCopy: 16 + 9,
      CompleteMultipartUpload: 2,
    });
  });
});

describe('a sparse disk of 20 GiB', () => {
  it('sends only its data, in units of 128 KiB, with one request for each part', async () => {
    const lab = await openLab();
    const size = 20 * 1024 * MIB;
    const pieces = Array.from({ length: 40 }, (_, index): Piece => [
      Math.floor((index * size) / 40) + 4096,
      pseudoRandom(MIB + 300_000 + index, index),
    ]);
    const { staged } = await put(lab, size, pieces, true);
    const grains = new Set<number>();
    for (const [offset, { length }] of pieces) {
      for (let grain = Math.floor(offset / GRAIN); grain * GRAIN < offset + length; grain++) grains.add(grain);
    }
    const data = grains.size * GRAIN;
    const wire = sent(lab, 'UploadPart').reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    expect(wire / data).toBeLessThanOrEqual(1.005);
    expect(staged.sent).toBe(wire);
    expect(String(lab.simulator.world.object('packer', KEY)?.crc)).toBe(staged.crc64);
    expect(lab.simulator.world.object('packer', KEY)?.size).toBe(size);
    for (const [offset, bytes] of pieces) {
      const there = await gather(lab.simulator.world.readObject('packer', KEY, offset, offset + bytes.length));
      expect(Buffer.concat(there).equals(bytes)).toBe(true);
    }
    const { UploadPart = 0, UploadPartCopy = 0, ...others } = counts(lab);
    expect(others).toEqual({ InitiateMultipartUpload: 2, PutObject: 1, CompleteMultipartUpload: 2 });
    expect(UploadPart).toBe(40);
    expect(UploadPartCopy).toBe(64 + 40 * 8);
  });
});
