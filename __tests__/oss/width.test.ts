import { describe, expect, it } from 'vitest';
import { firstWidth, MAX_WIDTH, MIN_WIDTH, nextWidth, type Measured, type Wave } from '../../src/oss/width.ts';

const KIB = 1024;
const MIB = 1024 ** 2;
const WIDTHS = Array.from({ length: MAX_WIDTH - MIN_WIDTH + 1 }, (_, index) => index + MIN_WIDTH);
const RATES = [0, 10e3, 150e3, 500e3, 2e6, 6.4e6, 50e6, 1e9];
const wave = (some: Partial<Wave>): Wave => ({
  width: 64,
  rate: 1e6,
  accepted: 64,
  failed: 0,
  throttled: false,
  ...some,
});

/** Bytes per second of each connection and of all together, in the n-th wave. */
type Line = (n: number) => [each: number, all: number];

/** The width of each of 40 waves. */
function widths(line: Line, first = firstWidth(512 * KIB), some: (n: number) => Partial<Wave> = () => ({})): number[] {
  let width = first;
  let before: Measured | undefined;
  return Array.from({ length: 40 }, (_, n) => {
    const used = width;
    const [each, all] = line(n);
    const seen = wave({ width, rate: Math.min(all, each * width), accepted: width, ...some(n) });
    width = nextWidth(seen, before);
    before = seen.throttled ? undefined : seen;
    return used;
  });
}
const settled = (each: number, all: number, first?: number) => widths(() => [each, all], first).at(-1);

describe('the number of parts under way', () => {
  it('stays between 4 and 64, whatever is seen', () => {
    const outside: number[] = [];
    for (const width of WIDTHS)
      for (const rate of RATES)
        for (const before of [undefined, ...RATES.flatMap((r) => [4, width, 64].map((w) => ({ width: w, rate: r })))])
          for (const accepted of [0, 1, 64])
            for (const failed of [0, 1, 64])
              for (const throttled of [true, false]) {
                const next = nextWidth({ width, rate, accepted, failed, throttled }, before);
                if (!(next >= MIN_WIDTH && next <= MAX_WIDTH)) outside.push(next);
              }
    expect(outside).toEqual([]);
  });

  it('is halved after throttling, and when most tries fail', () => {
    expect(nextWidth(wave({ throttled: true }))).toBe(32);
    expect(nextWidth(wave({ accepted: 3, failed: 4 }))).toBe(32);
  });

  it('grows again after throttling', () => {
    const seen = widths(
      () => [1e6, Infinity],
      64,
      (n) => ({ throttled: n >= 5 && n < 9 }),
    );
    expect(seen.slice(5, 10)).toEqual([64, 32, 16, 8, 4]);
    expect(seen.at(-1)).toBe(64);
  });

  it('does not fall for one lost part among eleven', () => {
    expect(nextWidth(wave({ width: 16, accepted: 10, failed: 1 }))).toBe(32);
  });

  it.each([
    ['lossy', 100e3],
    ['very lossy', 20e3],
    ['hardly usable', 3e3],
  ])('is 64 on a line that is %s, where each connection has a rate of its own', (_, each) => {
    expect(settled(each, Infinity)).toBe(64);
    expect(settled(each, Infinity, 16)).toBe(64);
  });

  it('is small on a thin line, and gives each connection a fair rate', () => {
    expect(settled(Infinity, 500e3)).toBe(8);
    expect(settled(Infinity, 150e3)).toBe(4);
  });

  it('does not stay where a wider upload was no faster', () => {
    expect(widths(() => [Infinity, 50e6], 16).slice(0, 4)).toEqual([16, 32, 16, 16]);
    expect(settled(10e6, 50e6, 16)).toBe(16);
  });

  it('follows a line that drops and comes back', () => {
    const seen = widths((n) => (n >= 5 && n < 10 ? [Infinity, 300e3] : [300e3, 20e6]));
    expect(seen[4]).toBe(64);
    expect(seen[9]).toBe(5);
    expect(seen.at(-1)).toBe(64);
  });

  it('begins with no more bytes than a thin line carries in minutes, and enough for a far one', () => {
    expect(firstWidth(512 * KIB)).toBe(64);
    expect(firstWidth(4 * MIB)).toBe(16);
  });
});
