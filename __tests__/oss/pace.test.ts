import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { Pace } from '../../src/oss/pace.ts';
import { Progress } from '../../src/oss/progress.ts';
import { GIB, MIB } from './lab.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
let said: string[];

function progressOf(size: number): Progress {
  const say = (line: string) => void said.push(line);
  return new Progress(size, { info: say, warning: say });
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
  it('come every 12 s and tell a slow line from a dead one', async () => {
    const progress = progressOf(20 * GIB);
    const after = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * SECOND);
    progress.moved(512 * MIB);
    progress.copied(5 * GIB);
    await after(12);
    progress.moved(64 * MIB);
    await after(12);
    await after(36);
    progress.moved(-100 * MIB);
    progress.retried('Stalled: no byte moved for 30 s');
    progress.moved(24 * MIB);
    await after(12);
    progress.moved(10 * GIB);
    progress.found(4 * GIB);
    progress.retried('ECONNRESET: read ECONNRESET');
    await after(12);
    progress.cease();
    await after(60);
    progress.sayEnd();
    expect(said).toEqual([
      '27 % of 20.00 GiB: 42.7 MiB/s now, 42.7 MiB/s overall, 32 s left, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 5.3 MiB/s now, 24.0 MiB/s overall, 63 s left, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: nothing has moved for 12 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: nothing has moved for 24 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: nothing has moved for 36 s, 5.00 GiB of zeros not sent.',
      '27 % of 20.00 GiB: 2.0 MiB/s now, 6.9 MiB/s overall, 4 min left, 5.00 GiB of zeros not sent, 1 retry (last: Stalled: no byte moved for 30 s).',
      '97 % of 20.00 GiB: 853.3 MiB/s now, 127.9 MiB/s overall, 3 s left, 5.00 GiB of zeros not sent, 4.00 GiB there already, 2 retries (last: ECONNRESET: read ECONNRESET).',
      'Uploaded 10.49 GiB in 144.0 s (74.6 MiB/s), 5.00 GiB of zeros not sent, 4.00 GiB there already, 2 retries (last: ECONNRESET: read ECONNRESET).',
    ]);
  });
});
