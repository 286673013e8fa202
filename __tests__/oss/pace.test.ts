import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { Pace } from '../../src/oss/pace.ts';
import { Progress } from '../../src/oss/progress.ts';
import { MIB } from './lab.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const nothing = () => undefined;
const progress = () => new Progress({ size: 1 }, { info: nothing, warning: nothing });

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Lets so many ms pass, or time up to a moment. */
const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const until = (ms: number) => after(ms - Date.now());

describe('the patience of an upload', () => {
  const open = () => new Pace(progress());

  /** Stores a part. Calling the returned function fails its current try and returns the state of the part. */
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

  it('does not count the time for which the machine sleeps', async () => {
    const fail = part(open());
    await until(10 * MINUTE);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 60 * MINUTE);
    expect(await fail()).toBe('tries on');
    await until(14 * MINUTE);
    expect(await fail()).toBe('tries on');
    await until(16 * MINUTE);
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

describe('a try that stands still', () => {
  /** 64 tries of 4 MiB that never end. */
  const open = () => {
    const pace = new Pace(progress(), { width: 64 });
    for (let n = 0; n < 64; n++) void pace.watched(4 * MIB, () => new Promise(() => undefined));
    return pace;
  };

  it('has stalled after 30 s if nothing else moves either', () => {
    expect(open().stall(false, 0)).toBe(30 * SECOND);
  });

  it('waits for its turn on a thin line, and after a fast line has become thin', async () => {
    const pace = open();
    // At 300 kB/s, 64 slices of 256 KiB take 56 s.
    const thin = () => [false, true].map((waits) => pace.stall(waits, 60 * 300e3));
    expect(thin()).toEqual([10 * MINUTE, 10 * MINUTE]);
    for (let n = 0; n < 64; n++) await pace.store(4 * MIB, () => after(100));
    expect(thin()).toEqual([10 * MINUTE, 10 * MINUTE]);
  });

  it('has stalled once the others have moved 1 MiB for each connection', () => {
    expect(open().stall(false, 64 * MIB)).toBe(30 * SECOND);
  });

  it('may wait for its answer for twice as long as all that is under way needs', async () => {
    const pace = open();
    expect(pace.stall(true, 0)).toBe(10 * MINUTE);
    for (let n = 0; n < 64; n++) await pace.store(MIB, () => after(SECOND));
    expect(pace.stall(true, 0)).toBe(512 * SECOND);
  });
});

describe('the width of an upload', () => {
  it('grows only by what was measured after the last change', async () => {
    const pace = new Pace(progress(), { width: 4 });
    const store = async (count: number, each: number) => {
      for (let n = 0; n < count; n++) await pace.store(MIB, () => after(each));
    };
    await store(4, 1000);
    expect(pace.width).toBe(8);
    // These were under way before the change.
    await store(3, 1000);
    await store(8, 500);
    expect(pace.width).toBe(16);
  });

  it.each([[429], [503]])('is halved when the service or a proxy answers %d', async (status) => {
    const pace = new Pace(progress(), { width: 64 });
    await pace.store(1, ({ onRetry }) => {
      onRetry?.(new CloudError('oss:UploadPart', 'UnexpectedAnswer', 'a page', { status }));
      expect(pace.width).toBe(32);
      return Promise.resolve();
    });
  });
});
