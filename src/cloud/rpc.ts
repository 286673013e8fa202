import RpcClient from '@alicloud/pop-core';
import { retryOptions, type Connection } from './connection.ts';
import { CloudError, excerpt, NOT_THE_SERVICE, textOf, timing } from './errors.ts';
import { textAt } from './json.ts';
import { retry } from './retry.ts';
import { now } from './time.ts';
import { plainXml, textIn } from './xml.ts';

/** Parameters of a call, with flat keys such as `DiskDeviceMapping.1.Format`. Undefined ones are not sent. */
export type Params = Record<string, string | number | boolean | undefined>;
export type Json = Record<string, unknown>;

/**
 * Calls an action of an RPC-style API and returns its answer.
 * @throws CloudError for every failure, after the retries
 */
export type Rpc = (action: string, params?: Params) => Promise<Json>;

export interface RpcService {
  /** Prefix of the operations in errors and of the RAM actions: `ecs`, `ram`, `sts`. */
  name: string;
  /** Host name, without scheme. */
  host: string;
  /** API version, a date. */
  version: string;
  /** Sent with every call of a regional service. */
  region?: string;
}

/** Time limit of one try with its connection, in ms. The default of pop-core, 3 s, is too short for long distances. */
const TRY_TIMEOUT = 30_000;

interface PopCoreEntry {
  response?: { statusCode?: number; headers?: Record<string, unknown> };
}
/** The verbose form of pop-core, which its types leave out. */
type RpcConstructor = new (
  config: object,
  verbose: true,
) => {
  request(action: string, params: object): Promise<[answer: unknown, entry: PopCoreEntry]>;
};

/** Opens the client of an RPC-style API. Each try reads the credentials anew. */
export function openRpc(service: RpcService, connection: Connection): Rpc {
  const client = new (RpcClient as unknown as RpcConstructor)(
    {
      endpoint: `https://${service.host}`,
      apiVersion: service.version,
      credentialsProvider: { getCredentials: connection.credentials },
      // POST keeps key, token and signature out of the URL. In lower case, pop-core would send a GET.
      opts: { method: 'POST', timeout: TRY_TIMEOUT, agent: connection.agent },
    },
    true,
  );

  return (action, params = {}) => {
    const operation = `${service.name}:${action}`;
    const given = Object.entries({ RegionId: service.region, ...params }).filter(([, value]) => value !== undefined);
    const attempt = async (): Promise<Json> => {
      const stamp = new Date(now() + connection.clock.behind).toISOString().replace(/\.\d+Z$/, 'Z');
      try {
        const sent = { ...Object.fromEntries(given), Timestamp: stamp };
        return checked(operation, ...(await client.request(action, sent)));
      } catch (thrown) {
        throw toCloudError(operation, thrown);
      }
    };
    return retry(attempt, { ...retryOptions(connection), operation });
  };
}

/** Checks an answer: pop-core ignores the status and takes any JSON for a success. A real answer has a RequestId. */
function checked(operation: string, answer: unknown, entry: PopCoreEntry): Json {
  const status = entry.response?.statusCode;
  const plain = JSON.parse(JSON.stringify(answer)) as Json | null;
  if (status === 200 && typeof plain?.RequestId === 'string') return plain;
  throw new CloudError(operation, 'UnexpectedAnswer', NOT_THE_SERVICE, { status });
}

function toCloudError(operation: string, thrown: unknown): CloudError {
  if (thrown instanceof CloudError) return thrown;
  const { code, data, entry } = thrown as { code?: unknown; data?: Json; entry?: PopCoreEntry };
  const more = { status: entry?.response?.statusCode, ...timing(entry?.response?.headers) };
  if (data !== undefined) {
    const requestId = textAt(data, 'RequestId');
    return new CloudError(operation, String(code), excerpt(textAt(data, 'Message') ?? 'no message'), {
      ...more,
      requestId,
    });
  }
  // json-bigint throws a plain object for a body that is not JSON; errors can come in XML, the default format.
  if (!(thrown instanceof Error)) {
    const body = plainXml(Buffer.from(textAt(thrown, 'text') ?? ''));
    const inXml = textIn(body, 'Code');
    if (inXml !== undefined) {
      const requestId = textIn(body, 'RequestId');
      return new CloudError(operation, inXml, excerpt(textIn(body, 'Message') ?? 'no message'), { ...more, requestId });
    }
    return new CloudError(operation, 'UnexpectedAnswer', 'the answer is not JSON (a proxy in between?)', more);
  }
  if (thrown.name.includes('Timeout')) {
    return new CloudError(operation, 'Timeout', `no answer within ${TRY_TIMEOUT / 1000} s`, more);
  }
  // httpx appends the method and the URL.
  const text = textOf(thrown).replace(/(POST|GET) https?:\S+ failed\.?$/, '');
  return new CloudError(operation, typeof code === 'string' ? code : 'ConnectionLost', excerpt(text), more);
}
