import { request, type Agent } from 'node:http';
import type { Credentials } from '../cloud/door.ts';
import { CloudError } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';

/** Link-local address of the metadata service of an ECS instance (https://help.aliyun.com/document_detail/49122.html). */
const HOST = '100.100.100.200';
/** It is on the same machine: what does not answer at once is not there. In ms. */
const TIMEOUT = 2_000;

/**
 * Credentials of the RAM role of this ECS instance. Version 2 of the service, whose token keeps forged requests out;
 * version 1 only where there is no version 2.
 * @throws CloudError `NoMetadataService`, `NoSuchInstanceRole`
 */
export async function instanceCredentials(agent: Agent, roleName: string): Promise<Credentials> {
  const token = await ask(agent, 'PUT', '/latest/api/token', { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' });
  const absent = token.status === 404 || token.status === 405;
  if (token.status !== 200 && !absent)
    throw failure('NoMetadataService', `it answered ${token.status} to the request for a token`);
  const path = `/latest/meta-data/ram/security-credentials/${encodeURIComponent(roleName)}`;
  const answer = await ask(agent, 'GET', path, absent ? {} : { 'X-aliyun-ecs-metadata-token': token.body });
  if (answer.status === 404) throw failure('NoSuchInstanceRole', `this instance has no RAM role ${roleName}`);
  const found = answer.status === 200 ? parsed(answer.body) : undefined;
  const [id, secret, session, end] = ['AccessKeyId', 'AccessKeySecret', 'SecurityToken', 'Expiration'].map((name) =>
    textAt(found, name),
  );
  if (id === undefined || secret === undefined || session === undefined) {
    throw failure('NoMetadataService', `it answered ${answer.status} without credentials`);
  }
  return { accessKeyId: id, accessKeySecret: secret, securityToken: session, expiration: Date.parse(end ?? '') };
}

const failure = (code: string, text: string) => new CloudError('ecs:metadata', code, text);

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function ask(
  agent: Agent,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: HOST, path, method, headers, agent, timeout: TIMEOUT }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => (body += text));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body });
      });
      answer.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    sent.on('error', (error) => {
      reject(failure('NoMetadataService', error.message));
    });
    sent.end();
  });
}
