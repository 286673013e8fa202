import type { CloudError } from './errors.ts';
import { now, sleep } from './time.ts';
import type { Log } from './door.ts';

/** A later try can end differently: the line, the server's load, or a conflict that passes. */
const TRANSIENT = new RegExp(
  [
    '^(ECONN\\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_PROXY_TUNNEL|ERR_SSL_\\w+|HPE_\\w+)$',
    '^(Timeout|UnexpectedAnswer|ConnectionLost|Stalled|IntegrityMismatch)$',
    'Throttling|FlowLimit|SlowDown|QpsLimit|TrafficRateLimit',
    '^(ServiceUnavailable|InternalError|RequestTimeout|OperationConflict|ConcurrentUpdate|InvalidOperation\\.Conflict)$',
    '^(LastTokenProcessing|IdempotentProcessing|SignatureNonceUsed|OperationAborted)$',
  ].join('|'),
);

/** Cured by the door itself: the next try is signed with a corrected clock or fresh credentials. */
const CLOCK = /^(RequestTimeTooSkewed|InvalidTimeStamp\.Expired|InvalidTimeStamp)$/;
const TOKEN = /^(SecurityTokenExpired|InvalidSecurityToken\.Expired|InvalidSecurityToken)$/;

/** What a failed try calls for. */
export function cure(error: CloudError): 'again' | 'clock' | 'token' | 'none' {
  if (CLOCK.test(error.code)) return 'clock';
  if (TOKEN.test(error.code)) return 'token';
  const { status = 0 } = error;
  // A page instead of an answer, with a status that means no: a proxy has decided.
  if (error.code === 'UnexpectedAnswer' && status >= 300 && status < 500) return 'none';
  return status >= 500 || TRANSIENT.test(error.code) ? 'again' : 'none';
}

/** Full jitter, 0.5 s doubling to 10 s, never less than the service asks for; `tries` counts from 1. */
export function pauseBefore(tries: number, error: CloudError, random: number = Math.random()): number {
  const jitter = random * Math.min(10_000, 500 * 2 ** tries);
  return Math.max(jitter, error.retryAfter ?? 0, 100);
}

export interface RetryOptions {
  log: Log;
  /** How often at the most, the first time included. */
  tries?: number;
  /** No new try starts after this moment, in ms since the epoch. */
  deadline?: number | undefined;
  /** Applies a cure before the next try; says whether it could. */
  heal: (how: 'clock' | 'token', error: CloudError) => boolean;
}

/** Runs `attempt` until it succeeds or fails in a way that no retry cures; throws the last CloudError. */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { log, tries = 6, deadline = Infinity, heal } = options;
  const healed = new Set<string>();
  for (let n = 1; ; n += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = thrown as CloudError;
      const how = cure(error);
      const curable = how === 'again' || (how !== 'none' && !healed.has(how) && heal(how, error));
      healed.add(how);
      const pause = pauseBefore(n, error);
      if (!curable || n >= tries || now() + pause > deadline) throw error;
      log.info(
        `${error.operation} failed (${n} of ${tries}): ${error.code}: ${error.message}. Again in ${(pause / 1000).toFixed(1)} s.`,
      );
      await sleep(pause);
    }
  }
}
