import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, dataPart, GRAIN, zeroPart, type Block, type Part } from '../../src/oss/cut.ts';
import { gather, GIB, MIB } from './lab.ts';

const TIB = 1024 * GIB;
const LEAST = 100 * 1024;

/** Runs of grains. The last one may end inside a grain. */
interface Layout {
  runs: { zero: boolean; grains: number }[];
  /** Bytes of the last grain. */
  tail: number;
}

const layouts: fc.Arbitrary<Layout> = fc.record({
  runs: fc.array(
    fc.record({
      zero: fc.boolean(),
      grains: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3000 })),
    }),
    { minLength: 1, maxLength: 60 },
  ),
  tail: fc.oneof(fc.constant(GRAIN), fc.integer({ min: 1, max: GRAIN })),
});

/** The blocks of a layout, each run in pieces of as many grains as `step` says. */
function* blocksOf({ runs, tail }: Layout, step: () => number): Generator<Block> {
  const size = sizeOf({ runs, tail });
  let offset = 0;
  for (const { zero, grains } of runs) {
    const end = Math.min(size, offset + grains * GRAIN);
    while (offset < end) {
      const length = Math.min(end - offset, step() * GRAIN);
      yield { offset, length, zero };
      offset += length;
    }
  }
}

const sizeOf = ({ runs, tail }: Layout): number =>
  (runs.reduce((sum, { grains }) => sum + grains, 0) - 1) * GRAIN + tail;

async function plan(blocks: Iterable<Block>, size: number): Promise<Part[]> {
  async function* stream() {
    await Promise.resolve();
    yield* blocks;
  }
  return gather(cut(stream(), size));
}

/** The rules of OSS and of the upload for all parts of a file. */
function check(parts: Part[], size: number): void {
  expect(parts.length).toBeLessThanOrEqual(10_000);
  let at = 0;
  parts.forEach(({ number, offset, length, zero }, index) => {
    if (number !== index + 1 || offset !== at || length <= 0)
      throw new Error(`part ${number} at ${offset} is misplaced`);
    if (length < LEAST && index < parts.length - 1) throw new Error(`part ${number} is too small`);
    if (length > (zero ? zeroPart(size) : dataPart(size))) throw new Error(`part ${number} is too large`);
    at += length;
  });
  expect(at).toBe(size);
}

describe('the cut', () => {
  it('covers any file without a gap, in parts that OSS accepts, and with no data in a zero part', async () => {
    await fc.assert(
      fc.asyncProperty(layouts, async (layout) => {
        const size = sizeOf(layout);
        const parts = await plan(
          blocksOf(layout, () => 1),
          size,
        );
        check(parts, size);
        // Every data grain lies in a data part; every zero run of 1 MiB and more lies in zero parts.
        const zeroAt = (from: number, to: number, zero: boolean) =>
          parts.every((part) => part.offset >= to || part.offset + part.length <= from || part.zero === zero);
        const merged: { zero: boolean; from: number; to: number }[] = [];
        for (const { offset, length, zero } of blocksOf(layout, () => Infinity)) {
          const last = merged.at(-1);
          if (last?.zero === zero) last.to = offset + length;
          else merged.push({ zero, from: offset, to: offset + length });
        }
        for (const { zero, from, to } of merged) {
          if (!zero || to - from >= MIB) expect(zeroAt(from, to, zero)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the size of the blocks', async () => {
    await fc.assert(
      fc.asyncProperty(layouts, fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), async (layout, steps) => {
        const size = sizeOf(layout);
        let turn = 0;
        const fine = await plan(
          blocksOf(layout, () => 1),
          size,
        );
        expect(
          await plan(
            blocksOf(layout, () => Infinity),
            size,
          ),
        ).toEqual(fine);
        expect(
          await plan(
            blocksOf(layout, () => steps[turn++ % steps.length] ?? 1),
            size,
          ),
        ).toEqual(fine);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['one byte', 1, [1]],
    ['100 KB - 1', LEAST - 1, [LEAST - 1]],
    ['100 KB', LEAST, [LEAST]],
    ['100 KB + 1', LEAST + 1, [LEAST + 1]],
    ['exactly one part', MIB / 2, [MIB / 2]],
    ['one part and a byte', MIB / 2 + 1, [MIB / 2, 1]],
  ])('of %s of data', async (_, size, lengths) => {
    const parts = await plan([{ offset: 0, length: size, zero: false }], size);
    expect(parts.map(({ length, zero }) => (zero ? -length : length))).toEqual(lengths);
  });

  it('of a file of zeros is only zero parts, from 1 MiB', async () => {
    const zeros = async (size: number) =>
      (await plan([{ offset: 0, length: size, zero: true }], size)).map(({ length, zero }) =>
        zero ? -length : length,
      );
    expect(await zeros(MIB - 1)).toEqual([MIB / 2, MIB / 2 - 1]);
    expect(await zeros(MIB)).toEqual([-MIB]);
    expect(await zeros(34 * MIB + 5)).toEqual([...Array.from({ length: 4 }, () => -8 * MIB), -2 * MIB - 5]);
  });

  it('does not cut out a short zero run', async () => {
    const layout = {
      runs: [
        { zero: false, grains: 1 },
        { zero: true, grains: 7 },
        { zero: false, grains: 1 },
      ],
      tail: 1,
    };
    expect(
      (
        await plan(
          blocksOf(layout, () => 1),
          sizeOf(layout),
        )
      ).every(({ zero }) => !zero),
    ).toBe(true);
  });
});

describe('the limit of 10,000 parts', () => {
  /** Alternating runs of data and zeros. */
  function* turns(size: number, data: number, zeros: number): Generator<Block> {
    for (let offset = 0, zero = false; offset < size; zero = !zero) {
      const length = Math.min(size - offset, zero ? zeros : data);
      yield { offset, length, zero };
      offset += length;
    }
  }

  it.each([
    ['40 GiB of 128 KiB data and 1 MiB zeros in turns', 40 * GIB, GRAIN, MIB],
    ['256 GiB of 128 KiB data and 1 MiB zeros in turns', 256 * GIB, GRAIN, MIB],
    ['2 TiB of 1 MiB data and 8 MiB zeros in turns', 2 * TIB, MIB, 8 * MIB],
    ['2 TiB of one part and a grain, and 1 MiB', 2 * TIB, dataPart(2 * TIB) + GRAIN, MIB],
    ['2 TiB of 128 KiB and one zero part and a grain', 2 * TIB, GRAIN, zeroPart(2 * TIB) + GRAIN],
    ['2 TiB of data', 2 * TIB, 2 * TIB, MIB],
    ['2 TiB of zeros', 2 * TIB, GRAIN, 2 * TIB],
    ['a small disk of 10 GiB', 10 * GIB, GRAIN, MIB],
  ])('holds for %s', async (_, size, data, zeros) => {
    check(await plan(turns(size, data, zeros), size), size);
  });

  it('holds for random runs in disks of any size up to 2 TiB', async () => {
    const some = fc.record({
      size: fc.oneof(fc.integer({ min: GIB, max: 64 * GIB }), fc.integer({ min: GIB, max: 2 * TIB })),
      data: fc.integer({ min: 1, max: 3000 }),
      zeros: fc.integer({ min: 8, max: 9000 }),
    });
    await fc.assert(
      fc.asyncProperty(some, async ({ size, data, zeros }) => {
        // No more than 50,000 runs, so that the search is fast.
        const scale = Math.max(1, Math.ceil(size / ((data + zeros) * GRAIN) / 25_000));
        check(await plan(turns(size, data * scale * GRAIN, zeros * scale * GRAIN), size), size);
      }),
      { numRuns: 40 },
    );
  });

  it('cuts out the zeros of a sparse disk of 2 TiB: 4,096 copies and a few parts', async () => {
    const size = 2 * TIB;
    const blocks = [
      { offset: 0, length: MIB, zero: false },
      { offset: MIB, length: size - 2 * MIB, zero: true },
      { offset: size - MIB, length: MIB, zero: false },
    ];
    const parts = await plan(blocks, size);
    check(parts, size);
    expect(parts.filter(({ zero }) => !zero).map(({ length }) => length)).toEqual([MIB, MIB]);
    expect(parts.length).toBeLessThanOrEqual(4_099);
  });

  it('still cuts out most zeros of a fragmented disk', async () => {
    // 2,500 extents of 1 MiB, as a used disk of 40 GiB has them: all zeros are cut out.
    const parts = await plan(turns(40 * GIB, MIB, 15 * MIB), 40 * GIB);
    const data = parts.filter(({ zero }) => !zero).reduce((sum, { length }) => sum + length, 0);
    check(parts, 40 * GIB);
    expect(data).toBe(2560 * MIB);
  });
});
