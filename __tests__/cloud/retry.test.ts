import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { remedy, retry } from '../../src/cloud/retry.ts';

const failure = (code: string, status?: number) => new CloudError('oss:UploadPart', code, 'text', { status });

describe('a failure', () => {
  it.each(['ENETDOWN', 'EHOSTDOWN', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOTCONN', 'EPROTO', 'ECONNRESET', 'EPIPE'])(
    'of the network is tried again: %s',
    (code) => {
      expect(remedy(failure(code))).toBe('again');
    },
  );

  it.each([
    [408, 'again'],
    [429, 'again'],
    [502, 'again'],
    [403, 'none'],
    [404, 'none'],
    [302, 'none'],
  ] as const)('that is a page of a proxy with status %d: %s', (status, expected) => {
    expect(remedy(failure('UnexpectedAnswer', status))).toBe(expected);
  });

  it.each(['ERR_INVALID_CHAR', 'EACCES', 'InvalidRequest'])('that no retry can cure is final: %s', (code) => {
    expect(remedy(failure(code))).toBe('none');
  });
});

it('a throttled call is tried for longer than the minute of a quota, even if all random numbers are 0', async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  const started = Date.now();
  const log = { info: () => undefined } as never;
  const heal = () => true;
  const call = retry(() => Promise.reject(failure('Throttling.User', 400)), {
    operation: 'ecs:ImportImage',
    log,
    heal,
    deadline: { at: Infinity },
  });
  const failed = expect(call).rejects.toThrow('text');
  await vi.runAllTimersAsync();
  await failed;
  expect(Date.now() - started).toBeGreaterThan(60_000);
});
