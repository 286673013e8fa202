import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { Pace } from '../../src/oss/pace.ts';
import { Progress } from '../../src/oss/progress.ts';
import { GIB, MIB } from './lab.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
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

/** Lets time pass up to a moment, in ms. */
const until = (ms: number) => vi.advanceTimersByTimeAsync(ms - Date.now());

describe('the patience of an upload', () => {
  const open = () => new Pace(progressOf(1));

  /** A part each of whose tries ends when the test says so; `fail` tells what becomes of the part. */
  function part(pace: Pace) {
    let fail = (): void => undefined;
    let state = 'tries on';
    const stored = pace.store(1, async ({ givesUp }) => {
      for (let tries = 1; ; tries++) {
        await pace.watched(1, () => new Promise<void>((resolve) => (fail = resolve)));
        if (givesUp?.(tries)) throw new CloudError('oss:UploadPart', 'ECONNRESET', 'lost');
      }
    });
    stored.catch((error: unknown) => (state = (error as CloudError).code));
    return async () => {
      fail();
      await vi.advanceTimersByTimeAsync(0);
      return state;
    };
  }

  it('ends after 15 minutes', async () => {
    const fail = part(open());
    await until(15 * MINUTE);
    expect(await fail()).toBe('tries on');
    await until(15 * MINUTE + 1);
    expect(await fail()).toBe('UploadGaveUp');
  });

  it('waits for a large part that has moved for longer, whatever happens to others', async () => {
    const pace = open();
    const failSlow = part(pace);
    await until(5 * MINUTE);
    const failOther = part(pace);
    await until(20 * MINUTE);
    expect(await failOther()).toBe('tries on');
    expect(await failSlow()).toBe('UploadGaveUp');
  });

  it('begins anew with each part that is accepted', async () => {
    const pace = open();
    const fail = part(pace);
    await until(10 * MINUTE);
    await pace.store(1, () => Promise.resolve());
    await until(24 * MINUTE);
    expect(await fail()).toBe('tries on');
  });

  it('begins when there is something to send, not before a long search for it', async () => {
    const pace = open();
    await until(60 * MINUTE);
    const fail = part(pace);
    await until(70 * MINUTE);
    expect(await fail()).toBe('tries on');
    await until(76 * MINUTE);
    expect(await fail()).toBe('UploadGaveUp');
  });

  it('leaves an error that no retry cures its code, however late it comes', async () => {
    const stored = open().store(1, () => {
      vi.advanceTimersByTime(60 * MINUTE);
      return Promise.reject(new CloudError('oss:UploadPart', 'NoSuchUpload', 'gone'));
    });
    await expect(stored).rejects.toMatchObject({ code: 'NoSuchUpload' });
  });
});

describe('the lines about progress', () => {
  const after = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * SECOND);

  it('come every 12 s and tell a slow line from a dead one', async () => {
    const progress = progressOf(20 * GIB);
    progress.cutUpTo(6 * GIB);
    progress.travels(GIB);
    progress.moved(512 * MIB);
    progress.copied(5 * GIB);
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
    progress.travels(10 * GIB);
    progress.moved(10 * GIB);
    progress.ended(10 * GIB, true);
    progress.cutUpTo(20 * GIB);
    progress.found(4 * GIB);
    progress.retried('ECONNRESET: read ECONNRESET');
    await after(12);
    progress.cease();
    await after(60);
    progress.sayEnd();
    expect(said).toEqual([
      '25 % of 20.00 GiB: 0.0 MiB sent, 512.0 MiB under way, 42.7 MiB/s now, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, 5.3 MiB/s now, 21.3 MiB/s overall, 12 min left, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, nothing has moved for 12 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 64.0 MiB under way, nothing has moved for 24 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 512.0 MiB sent, 24.0 MiB under way, 2.0 MiB/s now, 8.5 MiB/s overall, 29 min left, 5.00 GiB of zeros not sent, 1 retry (last: Stalled: no byte moved for 30 s).',
      '97 % of 20.00 GiB: 10.52 GiB sent, 0.0 MiB under way, 853.3 MiB/s now, 149.7 MiB/s overall, 4 s left, 5.00 GiB of zeros not sent, 4.00 GiB there already, 2 retries (last: ECONNRESET: read ECONNRESET).',
      'Uploaded 10.52 GiB in 132.0 s (81.6 MiB/s), 5.00 GiB of zeros not sent, 4.00 GiB there already, 2 retries (last: ECONNRESET: read ECONNRESET).',
    ]);
  });

  it('count in the time that is left only what may be data', async () => {
    const progress = progressOf(20 * GIB, [
      { offset: 0, length: GIB },
      { offset: 10 * GIB, length: GIB },
    ]);
    progress.cutUpTo(0.5 * GIB);
    progress.travels(0.5 * GIB);
    progress.moved(0.5 * GIB);
    progress.ended(0.5 * GIB, true);
    await after(12);
    progress.cease();
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
        progress.cease();
      }),
    );
    expect(said.filter((line) => /NaN|Infinity|-\d/.test(line))).toEqual([]);
    expect(progressOf(0).reached()).toBe('100 % of 0.0 MiB');
  });
});
