import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Credentials } from '../cloud/connection.ts';
import { CloudError, textOf } from '../cloud/errors.ts';
import { parsed } from '../cloud/json.ts';
import { toCredentials } from './refreshing.ts';

/** Link-local address of the metadata service of an ECS instance (https://help.aliyun.com/document_detail/49122.html). */
const HOST = '100.100.100.200';
const ROLES = '/latest/meta-data/ram/security-credentials/';
/** In ms. The service is next to the instance: if it does not answer quickly, it does not exist. */
const TIMEOUT = 5_000;
/** Never through a proxy: it could not reach the service, and must not see the credentials. */
const AGENT = new Agent();

/**
 * Credentials of the RAM role of this ECS instance. Uses version 2 of the service, in which a token protects against forged
 * requests, and version 1 only if there is no version 2.
 * @param roleName - undefined for the role that the instance has
 * @throws CloudError `NoMetadataService`, `NoSuchInstanceRole`
 */
export async function instanceCredentials(roleName: string | undefined): Promise<Credentials> {
  const token = await ask('PUT', '/latest/api/token', { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' });
  const absent = token.status === 404 || token.status === 405;
  if (token.status !== 200 && !absent)
    throw failure('NoMetadataService', `it answered ${token.status} to the request for a token`);
  const read = (name: string) =>
    ask('GET', ROLES + encodeURIComponent(name), absent ? {} : { 'X-aliyun-ecs-metadata-token': token.body });
  const names = roleName === undefined ? await read('') : undefined;
  const name = roleName ?? names?.body.trim() ?? '';
  const answer = names === undefined || names.status === 200 ? await read(name) : names;
  if (answer.status === 404) throw failure('NoSuchInstanceRole', `this instance has no RAM role ${roleName ?? ''}`);
  if (answer.status !== 200) throw failure('NoMetadataService', `it answered ${answer.status} without credentials`);
  return toCredentials('ecs:metadata', parsed(answer.body));
}

const failure = (code: string, message: string) => new CloudError('ecs:metadata', code, message);

async function ask(method: string, path: string, headers: Record<string, string>) {
  const sent = request({ host: HOST, path, method, headers, agent: AGENT, timeout: TIMEOUT });
  sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
  // After the headers, the reader of the body reports the failure.
  sent.on('error', () => undefined);
  sent.end();
  try {
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, body: await text(answer) };
  } catch (error) {
    throw failure('NoMetadataService', textOf(error));
  }
}
