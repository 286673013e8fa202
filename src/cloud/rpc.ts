import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import RpcClient from '@alicloud/pop-core';
import { retryOptions, type Connection } from './connection.ts';
import { CloudError, excerpt, NOT_THE_SERVICE, textOf, timing } from './errors.ts';
import { textAt } from './json.ts';
import { retry } from './retry.ts';
import { now } from './time.ts';
import { errorIn, plainXml } from './xml.ts';

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

/** The answer to the request that is being made: pop-core drops it if the body is not JSON. */
const answers = new AsyncLocalStorage<{ response?: IncomingMessage }>();
subscribe('http.client.response.finish', (message) => {
  Object.assign(answers.getStore() ?? {}, { response: (message as { response: IncomingMessage }).response });
});

/** Opens the client of an RPC-style API. Each try reads the credentials anew. */
export function openRpc(service: RpcService, connection: Connection): Rpc {
  const config = {
    endpoint: `https://${service.host}`,
    apiVersion: service.version,
    credentialsProvider: { getCredentials: connection.credentials },
    // POST keeps key, token and signature out of the URL. In lower case, pop-core would send a GET.
    opts: { method: 'POST', timeout: TRY_TIMEOUT, agent: connection.agent },
  };
  // The types of pop-core do not know credentialsProvider.
  const client = new RpcClient(config as unknown as RpcClient.Config);

  return (action, params = {}) => {
    const operation = `${service.name}:${action}`;
    const given = Object.entries({ RegionId: service.region, ...params }).filter(([, value]) => value !== undefined);
    const attempt = async (): Promise<Json> => {
      const stamp = new Date(now() + connection.clock.behind).toISOString().replace(/\.\d+Z$/, 'Z');
      const seen: { response?: IncomingMessage } = {};
      try {
        const sent = { ...Object.fromEntries(given), Timestamp: stamp };
        const answer = await answers.run(seen, () => client.request<unknown>(action, sent));
        return checked(operation, answer, seen.response);
      } catch (thrown) {
        throw toCloudError(operation, thrown, seen.response);
      }
    };
    return retry(attempt, { ...retryOptions(connection), operation });
  };
}

/** Checks an answer: pop-core ignores the status and takes any JSON for a success. A real answer has a RequestId. */
function checked(operation: string, answer: unknown, response: IncomingMessage | undefined): Json {
  const status = response?.statusCode;
  const plain = JSON.parse(JSON.stringify(answer)) as Json | null;
  if (status === 200 && plain !== null && requestIdOf(plain, response) !== undefined) return plain;
  throw new CloudError(operation, 'UnexpectedAnswer', NOT_THE_SERVICE, { status });
}

/** The RequestId, in the body or in the header that the vendor's SDK reads (@alicloud/gateway-pop). */
function requestIdOf(body: Json, response: IncomingMessage | undefined): string | undefined {
  return textAt(body, 'RequestId') ?? textAt(response?.headers, 'x-acs-request-id');
}

function toCloudError(operation: string, thrown: unknown, response: IncomingMessage | undefined): CloudError {
  if (thrown instanceof CloudError) return thrown;
  const more = { status: response?.statusCode, ...timing(response?.headers) };
  const refusal = refusalIn(thrown);
  if (refusal !== undefined) {
    const requestId = requestIdOf(refusal, response);
    const text = textAt(refusal, 'Message') ?? 'no message';
    return new CloudError(operation, String(refusal.Code), excerpt(text), { ...more, requestId });
  }
  // json-bigint throws a plain object for a body that is not JSON.
  if (!(thrown instanceof Error)) return new CloudError(operation, 'UnexpectedAnswer', NOT_THE_SERVICE, more);
  if (thrown.name.includes('Timeout')) {
    return new CloudError(operation, 'Timeout', `no answer within ${TRY_TIMEOUT / 1000} s`, more);
  }
  // httpx appends the method and the URL.
  const text = textOf(thrown).replace(/(POST|GET) https?:\S+ failed\.?$/, '');
  const { code } = thrown as { code?: unknown };
  return new CloudError(operation, typeof code === 'string' ? code : 'ConnectionLost', excerpt(text), more);
}

/** The error that the service answered, in JSON or in XML, its default format. */
function refusalIn(thrown: unknown): Json | undefined {
  const { data, text } = thrown as { data?: Json; text?: string };
  if (data !== undefined) return data;
  const { code, message, requestId } = errorIn(plainXml(Buffer.from(text ?? '')));
  return code === undefined ? undefined : { Code: code, Message: message, RequestId: requestId };
}
