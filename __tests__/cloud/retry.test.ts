import { describe, expect, it } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import { remedy } from '../../src/cloud/retry.ts';

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
