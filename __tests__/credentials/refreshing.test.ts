import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Credentials } from '../../src/cloud/connection.ts';
import { fixed, refreshing } from '../../src/credentials/refreshing.ts';

const MINUTE = 60_000;
let n: number;
let fails: boolean;
let life: number;
let said: string[];
let hidden: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  [n, fails, life, said, hidden] = [0, false, 60 * MINUTE, [], []];
});
afterEach(() => {
  vi.useRealTimers();
});

/** Returns a session after one second. */
const fetch = async (): Promise<Credentials> => {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  if (fails) throw new Error('the service is down');
  n += 1;
  return {
    accessKeyId: `id${n}`,
    accessKeySecret: `secret${n}`,
    securityToken: `token${n}`,
    expiration: Date.now() + life,
  };
};
const open = () => {
  const log = { info: (line: string) => said.push(line), warning: (line: string) => said.push(line) };
  return refreshing(fetch, log, (secret) => hidden.push(secret));
};
/** Requests credentials and waits until they are there. */
async function ask(provide: () => Promise<Credentials>): Promise<string> {
  const given = provide();
  given.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(1000);
  return (await given).accessKeyId;
}

test('concurrent callers cause one fetch', async () => {
  const provide = open();
  const asked = Array.from({ length: 50 }, () => provide());
  await vi.advanceTimersByTimeAsync(1000);
  expect(new Set((await Promise.all(asked)).map(({ accessKeyId }) => accessKeyId))).toEqual(new Set(['id1']));
  expect(n).toBe(1);
});

test('secrets are hidden before they are handed out', async () => {
  const provide = open();
  const given = provide().then(() => [...hidden]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await given).toEqual(['id1', 'secret1', 'token1']);
});

test('new credentials are fetched once, ten minutes before the old ones expire, which stay in use meanwhile', async () => {
  const provide = open();
  await ask(provide);
  await vi.advanceTimersByTimeAsync(49 * MINUTE);
  expect(await ask(provide)).toBe('id1');
  expect(n).toBe(1);
  await vi.advanceTimersByTimeAsync(MINUTE);
  const before = await Promise.all([provide(), provide(), provide()]);
  expect(before.map(({ accessKeyId }) => accessKeyId)).toEqual(['id1', 'id1', 'id1']);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await ask(provide)).toBe('id2');
  expect(n).toBe(2);
});

test('while the old credentials are valid, a failed renewal is logged and tried again once a minute', async () => {
  const provide = open();
  await ask(provide);
  await vi.advanceTimersByTimeAsync(51 * MINUTE);
  fails = true;
  for (let second = 0; second < 120; second += 1) expect(await ask(provide)).toBe('id1');
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(/could not be renewed yet: the service is down\. They are valid for another 9 min\./);
  fails = false;
  await vi.advanceTimersByTimeAsync(MINUTE);
  await ask(provide);
  expect(await ask(provide)).toBe('id2');
});

test('when the old credentials have expired, the failure is thrown', async () => {
  const provide = open();
  await ask(provide);
  await vi.advanceTimersByTimeAsync(61 * MINUTE);
  fails = true;
  await expect(ask(provide)).rejects.toThrow('the service is down');
  fails = false;
  expect(await ask(provide)).toBe('id2');
});

test('a refusal discards the old credentials, but not those that were fetched after the first refusal', async () => {
  const provide = open();
  await ask(provide);
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  expect(provide.forget()).toBe(true);
  expect(await ask(provide)).toBe('id2');
  for (let late = 0; late < 31; late += 1) provide.forget();
  expect(await ask(provide)).toBe('id2');
  expect(n).toBe(2);
});

test('keys that never change cannot be renewed', async () => {
  const provide = fixed({ accessKeyId: 'id', accessKeySecret: 'secret' });
  expect(provide.forget()).toBe(false);
  expect((await provide()).accessKeyId).toBe('id');
});

test('with any session length, pauses and outages, no credentials are handed out that expire in less than 58 seconds', async () => {
  const step = fc.record({ pause: fc.integer({ min: 0, max: 20 * MINUTE }), away: fc.boolean() });
  const cases = fc.asyncProperty(
    fc.integer({ min: 2 * MINUTE, max: 90 * MINUTE }),
    fc.array(step, { maxLength: 40 }),
    async (some, steps) => {
      life = some;
      const provide = open();
      for (const { pause, away } of steps) {
        await vi.advanceTimersByTimeAsync(pause);
        fails = away;
        const asked = Date.now();
        const given = await Promise.race([provide(), vi.advanceTimersByTimeAsync(1000).then(provide)]).catch(
          () => undefined,
        );
        if (given !== undefined) expect((given.expiration ?? 0) - asked).toBeGreaterThanOrEqual(58_000);
      }
    },
  );
  // A fetch that fails when the old credentials are about to become too old.
  const late = [0, MINUTE, 2_000].map((pause) => ({ pause, away: pause === MINUTE }));
  await fc.assert(cases, { numRuns: 200, examples: [[2 * MINUTE + 1_000, late]] });
});
