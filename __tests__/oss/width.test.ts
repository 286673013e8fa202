import { describe, expect, it } from 'vitest';
import { firstWidth, LEAST, MOST, nextWidth, type Wave } from '../../src/oss/width.ts';

const KIB = 1024;
const MIB = 1024 ** 2;
const WIDTHS = Array.from({ length: MOST - LEAST + 1 }, (_, index) => index + LEAST);
const RATES = [0, 10e3, 150e3, 500e3, 2e6, 6.4e6, 50e6, 1e9];
const wave = (some: Partial<Wave>): Wave => ({ rate: 1e6, accepted: 64, failed: 0, throttled: false, ...some });

/** A line that gives each connection at most `each`, and all together at most `all`, in bytes per second. */
const settled = (each: number, all: number, width = firstWidth(512 * KIB)): number => {
  let before = 0;
  for (let n = 0; n < 20; n++) {
    const rate = Math.min(all, each * width);
    [width, before] = [nextWidth(width, wave({ rate, accepted: width }), before), rate];
  }
  return width;
};

describe('the number of parts under way', () => {
  it('stays between 4 and 64, whatever is seen', () => {
    for (const width of WIDTHS)
      for (const rate of RATES)
        for (const before of RATES)
          for (const accepted of [0, 1, 64])
            for (const failed of [0, 1, 64])
              for (const throttled of [true, false]) {
                const next = nextWidth(width, { rate, accepted, failed, throttled }, before);
                expect(next).toBeGreaterThanOrEqual(LEAST);
                expect(next).toBeLessThanOrEqual(MOST);
              }
  });

  it('is half after throttling, and where most tries fail', () => {
    expect(nextWidth(64, wave({ throttled: true }), 0)).toBe(32);
    expect(nextWidth(64, wave({ accepted: 3, failed: 4 }), 0)).toBe(32);
  });

  it('does not fall for one lost part among eleven', () => {
    expect(nextWidth(16, wave({ accepted: 10, failed: 1 }), 0)).toBe(32);
  });

  it('is 64 on a lossy line, where each connection has a rate of its own', () => {
    expect(settled(100e3, Infinity)).toBe(64);
  });

  it('is small on a thin line, and gives each connection a fair rate', () => {
    expect(settled(Infinity, 500e3)).toBe(8);
    expect(settled(Infinity, 150e3)).toBe(4);
  });

  it('does not grow where a wider upload is no faster', () => {
    expect(settled(Infinity, 50e6, 16)).toBe(32);
  });

  it('begins with no more bytes than a thin line carries in minutes, and enough for a far one', () => {
    expect(firstWidth(512 * KIB)).toBe(64);
    expect(firstWidth(4 * MIB)).toBe(16);
  });
});
