import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { RetryOptions } from '../cloud/retry.ts';
import { every, monotonic } from '../cloud/time.ts';
import { plainXml } from '../cloud/xml.ts';

export interface CallOptions extends Pick<RetryOptions, 'givesUp' | 'onRetry' | 'signal'> {
  /** Time limit of one try with its body, in ms; 30 s by default. */
  timeout?: number;
  /**
   * How long a try may stand still, in ms; called again and again.
   * @param waits - whether its whole body has left
   * @param others - bytes that left on other watched connections since it last moved; 0 if none did in the last 30 s
   */
  stall?: ((waits: boolean, others: number) => number) | undefined;
  /** Runs each try as soon as it may start. */
  turn?: <T>(run: () => Promise<T>) => Promise<T>;
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

interface Response {
  status: number;
  headers: IncomingHttpHeaders;
}
type Callback = (error: Error | null, data: Buffer, res: Response) => void;
export interface Urllib {
  request(url: string, options: object, done: Callback): ClientRequest;
}

/** Sends one request, ends it on the signal or when it stalls, and records its answer or failure in `wire`. */
export function send(
  urllib: Urllib,
  url: string,
  sent: { method?: string },
  options: CallOptions,
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
    const unwatch =
      options.stall &&
      watch(request, options.stall, (seconds) => {
        end('Stalled', `no byte moved for ${seconds.toFixed(0)} s`);
      });
    finish = () => {
      unwatch?.();
      options.signal?.removeEventListener('abort', stop);
    };
  });
}

/** Time between two checks of a connection, in ms. */
const LOOK = 2_000;

/** A line over which no byte has moved for this long, in ms, is not slow but dead. */
const QUIET = 30_000;
/** Bytes that have moved over all watched connections, and when the last of them did. */
const line = { moved: 0, at: 0 };

/** Calls `stalled` once no byte has moved over the connection of a request for as long as `stall` allows. */
function watch(
  request: ClientRequest,
  stall: (waits: boolean, others: number) => number,
  stalled: (seconds: number) => void,
): () => void {
  let moved: number | undefined;
  let since = monotonic();
  let before = line.moved;
  const measure = (): void => {
    const { socket } = request;
    if (socket == null) return;
    // What waits in this process has not left.
    const left = socket.bytesWritten - socket.writableLength + socket.bytesRead;
    if (left === moved) return;
    since = monotonic();
    line.at = since;
    line.moved += left - (moved ?? left);
    before = line.moved;
    moved = left;
  };
  request.once('socket', measure);
  const stop = every(LOOK, () => {
    measure();
    const still = monotonic() - since;
    const waits = request.writableEnded && request.socket?.writableLength === 0;
    const others = monotonic() - line.at < QUIET ? line.moved - before : 0;
    if (still >= stall(waits, others)) stalled(still / 1000);
  });
  return () => {
    measure();
    stop();
  };
}
