import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Progress } from '../../src/oss/progress.ts';
import { GIB, MIB } from './lab.ts';

let said: string[];

function progressOf(size: number, extents?: { offset: number; length: number }[]): Progress {
  const say = (line: string) => void said.push(line);
  return new Progress({ size, ...(extents && { extents }) }, { info: say, warning: say });
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  said = [];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the lines about progress', () => {
  const after = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

  it('come every 12 s and tell a slow line from a dead one', async () => {
    const progress = progressOf(20 * GIB);
    progress.searched = 6 * GIB;
    progress.toSend += GIB;
    progress.moved(512 * MIB);
    progress.copied += 5 * GIB;
    await after(12);
    progress.ended(512 * MIB, true);
    progress.moved(64 * MIB);
    await after(12);
    await after(24);
    progress.ended(64 * MIB, false);
    progress.retried('Stalled: no byte moved for 30 s');
    progress.moved(24 * MIB);
    await after(12);
    progress.ended(24 * MIB, true);
    progress.toSend += 10 * GIB;
    progress.moved(10 * GIB);
    progress.ended(10 * GIB, true);
    progress.searched = 20 * GIB;
    progress.kept += 4 * GIB;
    progress.retried('ECONNRESET: read ECONNRESET');
    await after(12);
    progress.stop();
    await after(60);
    progress.logEnd();
    expect(said).toEqual([
      '25 % of 20.00 GiB: 0.0 MiB sent, 512.0 MiB under way, 42.7 MiB/s now, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, 5.3 MiB/s now, 21.3 MiB/s overall, 12 min left, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, nothing sent or accepted for 12 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, nothing sent or accepted for 24 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 24.0 MiB under way, 2.0 MiB/s now, 8.5 MiB/s overall, 29 min left, 5.00 GiB of zeros not sent, 1 retry (last: Stalled: no byte moved for 30 s).',
      '97 % of 20.00 GiB: 10.52 GiB sent, 0.0 MiB under way, 853.3 MiB/s now, 149.7 MiB/s overall, 4 s left, 5.00 GiB of zeros not sent, 4.00 GiB already there, 2 retries (last: ECONNRESET: read ECONNRESET).',
      'Uploaded 10.52 GiB in 132.0 s (81.6 MiB/s), 5.00 GiB of zeros not sent, 4.00 GiB already there, 2 retries (last: ECONNRESET: read ECONNRESET).',
    ]);
  });

  it('count in the time that is left only what may be data', async () => {
    const progress = progressOf(20 * GIB, [
      { offset: 0, length: GIB },
      { offset: 10 * GIB, length: GIB },
    ]);
    progress.searched = 0.5 * GIB;
    progress.toSend += 0.5 * GIB;
    progress.moved(0.5 * GIB);
    progress.ended(0.5 * GIB, true);
    await after(12);
    progress.stop();
    expect(said).toEqual([
      '2 % of 20.00 GiB: 512.0 MiB sent, 0.0 MiB under way, 42.7 MiB/s now, 42.7 MiB/s overall, 36 s left.',
    ]);
  });

  it('never go back, and hold numbers from the first byte on', () => {
    const event = fc.record({ bytes: fc.nat(MIB), accepted: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const progress = progressOf(GIB);
        const reached = () => parseInt(progress.reached(), 10);
        for (const { bytes, accepted } of events) {
          const before = reached();
          progress.moved(bytes);
          expect(reached()).toBe(before);
          progress.ended(bytes, accepted);
          expect(reached()).toBeGreaterThanOrEqual(before);
          vi.advanceTimersByTime(12_000);
        }
        progress.stop();
      }),
    );
    expect(said.filter((line) => /NaN|Infinity|-\d/.test(line))).toEqual([]);
    expect(progressOf(0).reached()).toBe('100 % of 0.0 MiB');
  });
});
