import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { RetryOptions } from '../cloud/retry.ts';
import { plainXml } from '../cloud/xml.ts';
import type { Stall, Watch } from './line.ts';

export interface CallOptions extends Pick<RetryOptions, 'givesUp' | 'onRetry' | 'signal'> {
  /** Time limit of one try with its body, in ms; 30 s by default. */
  timeout?: number;
  stall?: Stall;
  /** Runs each try as soon as it may start. */
  turn?: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Options of one try. */
export interface SendOptions extends Pick<CallOptions, 'signal' | 'timeout'> {
  watch: Watch | undefined;
}

/**
 * Limits of a call with a long body. There is no short time limit, because a slow connection needs long. Node reports a
 * body that it gets in one piece only at its end, so the call gets more time while other connections share the bandwidth.
 */
export const LONG_BODY = {
  stall: (_: boolean, others: number) => (others > 0 && others < 128 * 1024 ** 2 ? 600_000 : 120_000),
  timeout: 4 * 3_600_000,
};

/** The answer or failure of a request. ali-oss drops headers, endpoint and network code from its errors. */
export interface Wire {
  status?: number;
  headers?: IncomingHttpHeaders;
  body?: Buffer;
  failure?: Error & { code?: string };
}

type Callback = (error: Error | null, data: Buffer, res: { status: number; headers: IncomingHttpHeaders }) => void;
export interface Urllib {
  request(url: string, options: object, done: Callback): ClientRequest;
}

/** Sends one request, ends it on the signal or when it stalls, and records its answer or failure in `wire`. */
export function send(
  urllib: Urllib,
  url: string,
  sent: { method?: string },
  options: SendOptions,
  wire: Wire,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const fail = (error: Error) => {
      wire.failure = error;
      reject(error);
    };
    let finish = (): void => undefined;
    const answered: Callback = (error, data, res) => {
      finish();
      if (error != null) {
        fail(error);
        return;
      }
      const plain = plainXml(data);
      Object.assign(wire, { status: res.status, headers: res.headers, body: plain });
      // An answer can arrive before the last of the body was written. Node then no longer waits for the socket to drain,
      // so the request would never end.
      if (request?.writableEnded === false) request.destroy();
      // A DELETE may also succeed with 200 (RFC 9110 section 9.3.5); ali-oss knows only 204.
      const status = sent.method === 'DELETE' && res.status === 200 && data.length === 0 ? 204 : res.status;
      resolve({ data: plain, status, headers: res.headers, res: { ...res, data: plain } });
    };
    let request: ClientRequest | undefined;
    try {
      request = urllib.request(url, sent, answered);
    } catch (error) {
      fail(error as Error);
    }
    // If Node refuses to send it, such as a header with a line break, the request has failed by now or does not exist.
    if (request === undefined || wire.failure !== undefined) return;
    const end = (code: string, text: string) => {
      const error = Object.assign(new Error(text), { code });
      request.destroy(error);
      // There is no socket yet if a proxy does not answer. Node emits no error in this case.
      if (request.socket == null) request.emit('error', error);
    };
    const stop = () => {
      end('Stopped', 'the upload was stopped');
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    const unwatch = options.watch?.(request, (seconds) => {
      end('Stalled', `no byte moved for ${seconds.toFixed(0)} s`);
    });
    finish = () => {
      unwatch?.();
      options.signal?.removeEventListener('abort', stop);
    };
  });
}
