import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import type { RetryOptions } from '../cloud/retry.ts';
import { every, monotonic } from '../cloud/time.ts';
import { plainXml } from '../cloud/xml.ts';

export interface CallOptions extends Pick<RetryOptions, 'givesUp' | 'onRetry' | 'signal'> {
  /** Wall clock of one try, body included, in ms; 30 s unless told otherwise. */
  timeout?: number;
  /** How long a try may stand still, in ms; asked again and again. @param waits - whether its whole body has left */
  stall?: ((waits: boolean) => number) | undefined;
  /** Runs each try when there is a place for it. */
  turn?: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Limits of a call with a long body, which has no wall clock of its own: as slow as the line is, as long as bytes move. */
export const LONG_BODY = { stall: () => 120_000, timeout: 4 * 3_600_000 };

/** What went over the line, kept because ali-oss drops headers, endpoint and network code from its errors. */
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

/** Sends one request so that it can be ended from outside and leaves behind what it met. */
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
      // With the whole answer there, Node no longer hears that the connection drains: the rest of a body would wait for
      // ever, and the connection with it (an answer can overtake the last of it when the line is fast).
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
    // What Node refuses to send, such as a header with a line break, has failed by now, and there is no request.
    if (request === undefined || wire.failure !== undefined) return;
    const end = (code: string, text: string) => {
      const error = Object.assign(new Error(text), { code });
      request.destroy(error);
      // Behind a proxy that says nothing there is no socket yet, and Node keeps the error to itself.
      if (request.socket == null) request.emit('error', error);
    };
    const stop = () => {
      end('Stopped', 'ended from outside');
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

/** Time between two looks at a connection, in ms. */
const LOOK = 2_000;

/** Calls `stalled` once no byte has moved over the connection of a request for as long as `stall` allows. */
function watch(
  request: ClientRequest,
  stall: (waits: boolean) => number,
  stalled: (seconds: number) => void,
): () => void {
  let moved = -1;
  let since = monotonic();
  return every(LOOK, () => {
    const { bytesWritten = 0, bytesRead = 0, writableLength = 0 } = request.socket ?? {};
    // What waits in this process has not left.
    const left = bytesWritten - writableLength + bytesRead;
    if (left !== moved) since = monotonic();
    moved = left;
    const still = monotonic() - since;
    const waits = request.writableEnded && writableLength === 0;
    if (still >= stall(waits)) stalled(still / 1000);
  });
}
