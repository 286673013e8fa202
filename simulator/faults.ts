import type { Answer } from './call.ts';
import { ApiError } from './errors.ts';
import type { Target } from './hosts.ts';

/** What the services say in a code of their own. */
type Refusal = 'status-500' | 'status-503' | 'throttling' | 'expired-token' | 'clock-skew';

/** Something that goes wrong on the way or in the service. Push it on `simulator.faults`. */
export interface Fault {
  /** `oss:UploadPart`, `ecs:*`, `*`, ... */
  operation: string;
  /** The first occurrence it hits, counted from when it was added; every one without. */
  nth?: number;
  /** How many occurrences it hits: one with `nth`, else no limit. */
  times?: number;
  /** Before the request is executed (default), or after: the work is done, its answer is lost. */
  when?: 'before' | 'after';
  kind: Refusal | 'reset' | 'stall' | 'html' | 'truncated' | 'wrong-shape' | 'slow' | 'corrupt' | 'error';
  status?: number;
  code?: string;
  message?: string;
  /** Value of the Retry-After header, seconds. */
  retryAfter?: number;
  /** For `slow`. */
  bytesPerSecond?: number;
  /** For `stall` and `slow`: simulated seconds; a stall without lasts until the client goes. */
  seconds?: number;
  /** For `reset` and `stall`: happens in the middle of the request body, after so many bytes. */
  bytes?: number;
}

const counts = new WeakMap<Fault, number>();

/** The fault that hits this occurrence of the operation, if any. */
export function takeFault(faults: Fault[], operation: string): Fault | undefined {
  let taken: Fault | undefined;
  for (const fault of faults) {
    const { operation: wanted, nth = 1, times = fault.nth === undefined ? Infinity : 1 } = fault;
    if (wanted !== '*' && wanted !== operation && !(wanted.endsWith(':*') && operation.startsWith(wanted.slice(0, -1))))
      continue;
    const count = (counts.get(fault) ?? 0) + 1;
    counts.set(fault, count);
    if (count >= nth && count < nth + times) taken ??= fault;
  }
  return taken;
}

/** In the words of OSS and of the RPC services. */
const CODES: Partial<Record<Fault['kind'], [oss: string, rpc: string, rpcStatus: number]>> = {
  'status-500': ['InternalError', 'InternalError', 500],
  'status-503': ['ServiceUnavailable', 'ServiceUnavailable', 503],
  throttling: ['SlowDown', 'Throttling.User', 400],
  'expired-token': ['SecurityTokenExpired', 'InvalidSecurityToken.Expired', 400],
  'clock-skew': ['RequestTimeTooSkewed', 'InvalidTimeStamp.Expired', 400],
};

/** The answer that takes the place of the real one: an error to print in the service's dialect, or foreign text. */
export function faultAnswer(fault: Fault, service: Target['service']): Answer | ApiError {
  const { kind, message, status } = fault;
  if (kind === 'html') {
    const body = `<html><head><title>${status ?? 502} Bad Gateway</title></head><body>nginx</body></html>`;
    return { status: status ?? 502, headers: { 'content-type': 'text/html' }, body };
  }
  if (kind === 'wrong-shape') {
    return service === 'oss'
      ? { status: 200, headers: { 'content-type': 'application/xml' }, body: '<Surprise><Nothing/></Surprise>' }
      : { status: 200, headers: { 'content-type': 'application/json' }, body: '{"Surprise":[]}' };
  }
  const known = CODES[kind];
  if (!known) return new ApiError(fault.code ?? 'InternalError', message, {}, status);
  const [oss, rpc, rpcStatus] = known;
  return service === 'oss'
    ? new ApiError(oss, message, {}, status)
    : new ApiError(rpc, message, {}, status ?? rpcStatus);
}
