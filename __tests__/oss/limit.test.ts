import { describe, expect, it } from 'vitest';
import { MOST, nextLimit } from '../../src/oss/limit.ts';

const LIMITS = Array.from({ length: MOST - 3 }, (_, index) => index + 4);
const COUNTS = [0, 1, 2, 19, 20, 21, 100, 5000];

describe('the number of parts under way', () => {
  it('stays between 4 and 64, and moves only as far as one stretch allows', () => {
    for (const limit of LIMITS) {
      for (const accepted of COUNTS) {
        for (const failed of COUNTS) {
          for (const throttled of [false, true]) {
            const bad = throttled || failed * 19 > accepted;
            const rise = accepted === 0 ? limit : Math.min(MOST, Math.ceil(limit * 1.25));
            const wanted = bad ? Math.max(4, Math.floor(limit / 2)) : rise;
            const next = nextLimit(limit, { accepted, failed, throttled });
            if (next !== wanted) expect({ limit, accepted, failed, throttled, next }).toBe(wanted);
          }
        }
      }
    }
  });

  it('rises from any limit to the most while all goes well, and falls to the least while nothing does', () => {
    for (let limit of LIMITS) {
      for (let stretch = 0; stretch < 14; stretch++) {
        limit = nextLimit(limit, { accepted: 100, failed: 5, throttled: false });
      }
      expect(limit).toBe(MOST);
      for (let stretch = 0; stretch < 4; stretch++) {
        limit = nextLimit(limit, { accepted: 0, failed: 1, throttled: false });
      }
      expect(limit).toBe(4);
    }
  });
});
