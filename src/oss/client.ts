import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import AliOss from 'ali-oss';
import { retryOptions, type Connection, type Log } from '../cloud/connection.ts';
import { defaultEndpoint } from '../cloud/endpoints.ts';
import { CloudError, excerpt, NOT_THE_SERVICE, textOf, timing } from '../cloud/errors.ts';
import { retry, type RetryOptions } from '../cloud/retry.ts';
import { every, monotonic } from '../cloud/time.ts';
import { withoutLayout } from './body.ts';
import type { Sdk } from './sdk.ts';

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

/** The client of one bucket and its objects. */
export interface Oss {
  bucket: string;
  region: string;
  log: Log;
  /** @throws CloudError whatever went wrong, after the retries that could have cured it */
  call<T>(operation: string, run: (sdk: Sdk) => Promise<T>, options?: CallOptions): Promise<T>;
}

export interface OssPlace {
  region: string;
  bucket: string;
  /** Host of the public endpoint, or what replaces it; outside the vendor's domain it is a CNAME of the bucket. */
  host: string;
}

export function openOss(place: OssPlace, connection: Connection): Oss {
  const call = async <T>(operation: string, run: (sdk: Sdk) => Promise<T>, options: CallOptions = {}): Promise<T> => {
    const attempt = async (tries: number): Promise<T> => {
      // Each further try may stand still for twice as long: a line that is only slow must not be cut off for ever.
      const stall = options.stall && ((waits: boolean) => (options.stall?.(waits) ?? 0) * 2 ** Math.min(tries - 1, 3));
      const wire: Wire = {};
      try {
        options.signal?.throwIfAborted();
        return await run(await newSdk(place, connection, operation.includes('Bucket'), { ...options, stall }, wire));
      } catch (thrown) {
        options.signal?.throwIfAborted();
        throw toCloudError(operation, thrown, wire);
      }
    };
    const turn = options.turn ?? ((run) => run());
    return retry((tries) => turn(() => attempt(tries)), { ...options, ...retryOptions(connection), operation });
  };
  return { bucket: place.bucket, region: place.region, log: connection.log, call };
}

/** What went over the line, kept because ali-oss drops headers, endpoint and network code from its errors. */
interface Wire {
  status?: number;
  headers?: IncomingHttpHeaders;
  body?: Buffer;
  failure?: Error & { code?: string };
}

type Callback = (error: Error | null, data: Buffer, res: { status: number; headers: IncomingHttpHeaders }) => void;
interface Urllib {
  request(url: string, options: object, done: Callback): ClientRequest;
}

/** A fresh client for each try: it reads credentials once and keeps a cancel flag for ever. */
async function newSdk(
  place: OssPlace,
  connection: Connection,
  forBucket: boolean,
  options: CallOptions,
  wire: Wire,
): Promise<Sdk> {
  const { accessKeyId, accessKeySecret, securityToken } = await connection.credentials();
  const regional = defaultEndpoint('oss', place.region);
  const cname = !/\.aliyuncs\.com(:\d+)?$/i.test(place.host);
  // Calls on the bucket itself are not served by a CNAME or an acceleration endpoint.
  const detour = forBucket && (cname || place.host.startsWith('oss-accelerate'));
  const client = new AliOss({
    region: `oss-${place.region}`,
    endpoint: `https://${detour ? regional : place.host}`,
    cname: cname && !detour,
    bucket: place.bucket,
    accessKeyId,
    accessKeySecret,
    // The interval only silences a warning: each client lives for one request.
    ...(securityToken !== undefined && { stsToken: securityToken, refreshSTSTokenInterval: 86_400_000 }),
    secure: true,
    authorizationV4: true,
    agent: connection.agent,
    httpsAgent: connection.agent,
    amendTimeSkewed: connection.clock.behind,
    timeout: options.timeout ?? 30_000,
  } as AliOss.Options) as unknown as { urllib: Urllib };
  const { urllib } = client;
  client.urllib = { request: ((url: string, sent: object) => send(urllib, url, sent, options, wire)) as never };
  return client as unknown as Sdk;
}

/** Sends one request so that it can be ended from outside and leaves behind what it met. */
function send(urllib: Urllib, url: string, sent: object, options: CallOptions, wire: Wire): Promise<unknown> {
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
      Object.assign(wire, { status: res.status, headers: res.headers, body: data });
      // With the whole answer there, Node no longer hears that the connection drains: the rest of a body would wait for
      // ever, and the connection with it (an answer can overtake the last of it when the line is fast).
      if (request?.writableEnded === false) request.destroy();
      const parsable = res.headers['content-type']?.includes('/xml') ? withoutLayout(data) : data;
      resolve({ data: parsable, status: res.status, headers: res.headers, res });
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

function toCloudError(operation: string, thrown: unknown, wire: Wire): CloudError {
  if (thrown instanceof CloudError) return thrown;
  if (wire.failure !== undefined) {
    const { code, name, message } = wire.failure;
    const timeout = name.includes('Timeout');
    // urllib appends the request and its headers to the text.
    return new CloudError(
      operation,
      timeout ? 'Timeout' : (code ?? 'ConnectionLost'),
      excerpt(message.split(', ')[0] ?? ''),
    );
  }
  const { code, requestId } = (thrown ?? {}) as { code?: unknown; requestId?: unknown };
  const { status, headers } = wire;
  const more = { status, requestId: typeof requestId === 'string' ? requestId : undefined, ...pacing(headers) };
  const known = code ?? (wire.body?.length === 0 ? ofBareAnswer(status, headers) : undefined);
  if (typeof known === 'string' && status !== undefined && status >= 300) {
    const endpoint = /<Endpoint>([^<]+)<\/Endpoint>/.exec(wire.body?.toString('latin1') ?? '')?.[1];
    return new CloudError(
      operation,
      known,
      excerpt(textOf(thrown)) + (endpoint === undefined ? '' : ` (${endpoint})`),
      more,
    );
  }
  const text = status === undefined ? excerpt(textOf(thrown)) : NOT_THE_SERVICE;
  return new CloudError(operation, status === undefined ? 'InvalidRequest' : 'UnexpectedAnswer', text, more);
}

/** The answer to HEAD has no body; PublicEndpointForbidden is documented as EC 0048-00000401. */
function ofBareAnswer(status: number | undefined, headers: IncomingHttpHeaders | undefined): string | undefined {
  if (headers?.['x-oss-ec'] === '0048-00000401') return 'PublicEndpointForbidden';
  return status === 403 ? 'AccessDenied' : undefined;
}

/** A throttled upload says how long to wait (https://help.aliyun.com/document_detail/173537.html). */
function pacing(headers: IncomingHttpHeaders | undefined): ReturnType<typeof timing> {
  const delay = Number(headers?.['x-oss-qos-delay-time']);
  return { ...timing(headers), ...(delay > 0 && { retryAfter: Math.min(delay, 60_000) }) };
}
