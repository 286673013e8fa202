import type { Answer } from './call.ts';
import { ApiError } from './errors.ts';

/** Failures for which each service has its own code. */
type Refusal = 'status-500' | 'status-503' | 'throttling' | 'expired-token' | 'clock-skew';

/** A failure of the network or of a service. Push it to `simulator.faults`. */
export interface Fault {
  /** `oss:UploadPart`, `ecs:*`, `*`, ... */
  operation: string;
  /** The first occurrence that it affects, counted from when it was added; the very first by default. */
  nth?: number;
  /** How many occurrences it affects: by default one with `nth`, all without. */
  times?: number;
  /** Before the request is executed (default), or after it: the work is done, but the answer is lost. */
  when?: 'before' | 'after';
  kind: Refusal | 'reset' | 'stall' | 'html' | 'truncated' | 'wrong-shape' | 'slow' | 'corrupt' | 'error';
  status?: number;
  code?: string;
  message?: string;
  /** Value of the Retry-After header, seconds. */
  retryAfter?: number;
  /** For `slow`. */
  bytesPerSecond?: number;
  /** For `stall` and `slow`: simulated seconds; a stall without a time lasts until the client disconnects. */
  seconds?: number;
  /** For `reset` and `stall`: happens in the request body, after this many bytes. */
  bytes?: number;
}

/** Whether the fault takes the place of the answer, rather than changing how the bytes are sent. */
export function replacesAnswer({ kind, bytes }: Fault): boolean {
  return !['slow', 'corrupt', 'truncated'].includes(kind) && bytes === undefined;
}

const counts = new WeakMap<Fault, number>();

/** The fault that affects this occurrence of the operation, if any. */
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

const CODES: Partial<Record<Fault['kind'], [oss: string, rpc: string, rpcStatus?: number]>> = {
  'status-500': ['InternalError', 'InternalError', 500],
  'status-503': ['ServiceUnavailable', 'ServiceUnavailable', 503],
  throttling: ['SlowDown', 'Throttling.User', 400],
  'expired-token': ['SecurityTokenExpired', 'InvalidSecurityToken.Expired', 400],
  'clock-skew': ['RequestTimeTooSkewed', 'InvalidTimeStamp.Expired', 400],
};

/** The answer in place of the real one: an error to print in the format of the service, or foreign text. */
export function faultAnswer(fault: Fault, service: string): Answer | ApiError {
  const { kind, message, status, code = 'InternalError' } = fault;
  const isOss = service === 'oss';
  if (kind === 'html') {
    const body = `<html><head><title>${status ?? 502} Bad Gateway</title></head><body>nginx</body></html>`;
    return { status: status ?? 502, headers: { 'content-type': 'text/html' }, body };
  }
  if (kind === 'wrong-shape') {
    const headers = { 'content-type': isOss ? 'application/xml' : 'application/json' };
    return { status: 200, headers, body: isOss ? '<Surprise><Nothing/></Surprise>' : '{"Surprise":[]}' };
  }
  const [oss, rpc, rpcStatus] = CODES[kind] ?? [code, code];
  return new ApiError(isOss ? oss : rpc, message, {}, status ?? (isOss ? undefined : rpcStatus));
}
