import AliOss from 'ali-oss';
import { retryOptions, type Connection } from '../cloud/connection.ts';
import type { Log } from '../cloud/log.ts';
import { defaultEndpoint } from '../cloud/endpoints.ts';
import { retry } from '../cloud/retry.ts';
import { toCloudError } from './failure.ts';
import type { Sdk } from './sdk.ts';
import { Line, type Watch } from './line.ts';
import { send, type CallOptions, type SendOptions, type Urllib, type Wire } from './wire.ts';

/** The client of one bucket and its objects. */
export interface Oss {
  bucket: string;
  region: string;
  log: Log;
  /** Sends a request, with retries. @throws CloudError for every failure */
  call<T>(operation: string, run: (sdk: Sdk) => Promise<T>, options?: CallOptions): Promise<T>;
}

export interface OssPlace {
  region: string;
  bucket: string;
  /** Host of the public endpoint or of a custom one. A host outside the vendor's domain is a CNAME of the bucket. */
  host: string;
}

export function openOss(place: OssPlace, connection: Connection): Oss {
  const line = new Line();
  const call = async <T>(operation: string, run: (sdk: Sdk) => Promise<T>, options: CallOptions = {}): Promise<T> => {
    const attempt = async (tries: number): Promise<T> => {
      // Each further try may stand still for twice as long, so that a slow line gets through in the end.
      const { stall } = options;
      const factor = 2 ** Math.min(tries - 1, 3);
      const watch: Watch | undefined =
        stall && ((...watched) => line.watch((...seen) => stall(...seen) * factor, ...watched));
      const wire: Wire = {};
      try {
        options.signal?.throwIfAborted();
        return await run(await newSdk(place, connection, operation.includes('Bucket'), { ...options, watch }, wire));
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

/** The same client, which counts its tries: if there was more than one, the answer to an earlier one may have been lost. */
export function counting(oss: Oss): Oss & { tries: number } {
  const call: Oss['call'] = (operation, run, options) => {
    const counted = (sdk: Sdk) => {
      client.tries += 1;
      return run(sdk);
    };
    return oss.call(operation, counted, options);
  };
  const client = { ...oss, call, tries: 0 };
  return client;
}

/** Makes a client for one try: ali-oss reads credentials only once and never clears its cancel flag. */
async function newSdk(
  place: OssPlace,
  connection: Connection,
  forBucket: boolean,
  options: SendOptions,
  wire: Wire,
): Promise<Sdk> {
  const { accessKeyId, accessKeySecret, securityToken } = await connection.credentials();
  const regional = defaultEndpoint('oss', place.region);
  const cname = !/\.aliyuncs\.com(:\d+)?$/i.test(place.host);
  // A CNAME or an acceleration endpoint does not serve calls on the bucket itself.
  const detour = forBucket && (cname || place.host.startsWith('oss-accelerate'));
  const client = new AliOss({
    region: `oss-${place.region}`,
    endpoint: `https://${detour ? regional : place.host}`,
    cname: cname && !detour,
    bucket: place.bucket,
    accessKeyId,
    accessKeySecret,
    // ali-oss warns without an interval. A client lives for one request and never refreshes its token.
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
