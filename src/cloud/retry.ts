import { CloudError } from './errors.ts';
import { now, sleep } from './time.ts';
import type { Log } from './log.ts';

/** Failures that can pass: of the network, of a busy server, and conflicts. */
const TRANSIENT = new RegExp(
  [
    '^(ECONN\\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_PROXY_TUNNEL|ERR_SSL_\\w+|HPE_\\w+)$',
    '^(ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|ENOBUFS|ENOTCONN|EPROTO)$',
    '^(Timeout|UnexpectedAnswer|ConnectionLost|Stalled|IntegrityMismatch)$',
    'Throttling|FlowLimit|SlowDown|QpsLimit|TrafficRateLimit',
    '^(ServiceUnavailable|InternalError)(\\.|$)',
    '^(RequestTimeout|OperationConflict|ConcurrentUpdate|InvalidOperation\\.Conflict)$',
    '^(LastTokenProcessing|IdempotentProcessing|SignatureNonceUsed|OperationAborted)$',
  ].join('|'),
);

/** Failures that the client corrects: it signs the next try with the right time or with new credentials. */
const CLOCK = /^(RequestTimeTooSkewed|InvalidTimeStamp(\.Expired)?|IllegalTimestamp)$/i;
const TOKEN = /^(SecurityTokenExpired|InvalidSecurityToken\.Expired|InvalidSecurityToken)$/;

/** What can make the next try succeed. */
export function remedy(error: CloudError): 'again' | 'clock' | 'token' | 'none' {
  if (CLOCK.test(error.code)) return 'clock';
  if (TOKEN.test(error.code)) return 'token';
  const { status = 0 } = error;
  // The proxy refused its user or password (RFC 9110 section 15.5.8).
  if (error.code === 'ERR_PROXY_TUNNEL' && error.message.includes('407')) return 'none';
  // A proxy answers 408 when it has waited too long, and 429 when it is busy (RFC 9110 section 15.5.9, RFC 6585 section 4).
  if (status === 408 || status === 429) return 'again';
  // With such a status, an answer that is not the service's is a refusal by a proxy.
  if (error.code === 'UnexpectedAnswer' && status >= 300 && status < 500) return 'none';
  return (status >= 500 && status !== 501) || TRANSIENT.test(error.code) ? 'again' : 'none';
}

/** Whether the same call can succeed later. */
export const isTransient = (error: unknown): error is CloudError =>
  error instanceof CloudError && remedy(error) === 'again';

/** These need longer: quotas are per minute (https://help.aliyun.com/document_detail/437902.html), and a network outage lasts. */
const LONG =
  /^Throttling|FlowLimit|QpsLimit|^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)$/;

/**
 * The pause before the next try, in ms: at most 1 s doubling to 10 s, or 8 s doubling to 60 s for `LONG`, at random but at
 * least half of that, so that six tries outlast a quota per minute; never less than the service asks for. `tries` counts
 * from 1.
 */
function pauseBefore(tries: number, error: CloudError): number {
  const [least, most] = LONG.test(error.code) ? [4_000, 60_000] : [500, 10_000];
  const jitter = ((1 + Math.random()) / 2) * Math.min(most, least * 2 ** tries);
  return Math.max(jitter, error.retryAfter ?? 0);
}

/** No try starts after `at`, in ms since the epoch. It can be moved. `signal` ends a pause between two tries. */
export interface Deadline {
  at: number;
  signal?: AbortSignal;
}

export interface RetryOptions {
  /** Such as `ecs:ImportImage`. */
  operation: string;
  log: Log;
  /** Whether to give up after this many tries, counted from 1; after 6 by default. */
  givesUp?: (tries: number) => boolean;
  /** Called instead of the log after each failed try that is followed by another. */
  onRetry?: (error: CloudError) => void;
  /** Ends the call at once, with the signal's reason. */
  signal?: AbortSignal;
  deadline: Deadline;
  /** Applies a remedy before the next try, a clock or a token only once. Returns whether it did. */
  heal: (how: 'again' | 'clock' | 'token', error: CloudError) => boolean;
}

const TRIES = 6;

/** Runs `attempt` until it succeeds, fails for good or runs out of tries. @throws CloudError the last failure */
export async function retry<T>(attempt: (n: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { operation, log, givesUp = (tries) => tries >= TRIES, deadline, heal } = options;
  if (now() >= deadline.at) throw new CloudError(operation, 'OutOfTime', 'there was no time left for this call');
  const healed = new Set<string>();
  for (let n = 1; ; n += 1) {
    try {
      return await attempt(n);
    } catch (thrown) {
      options.signal?.throwIfAborted();
      const error = thrown as CloudError;
      const how = remedy(error);
      const canRetry = how !== 'none' && (how === 'again' || !healed.has(how)) && heal(how, error);
      healed.add(how);
      const pause = pauseBefore(n, error);
      if (!canRetry || givesUp(n) || now() + pause > deadline.at) throw error;
      if (options.onRetry !== undefined) options.onRetry(error);
      else {
        const failed = `${error.operation} failed (try ${n}): ${error.code}: ${error.message}`;
        log.info(`${failed}. Retrying in ${(pause / 1000).toFixed(1)} s.`);
      }
      await sleep(pause, options.signal ?? deadline.signal);
    }
  }
}
