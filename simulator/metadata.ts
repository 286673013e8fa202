import { randomBytes } from 'node:crypto';
import type { Answer, Prepared } from './call.ts';
import { isoSeconds } from './clock.ts';
import type { Exchange } from './exchange.ts';
import { addSession } from './sts.ts';
import type { World } from './world.ts';

const ROLES = '/latest/meta-data/ram/security-credentials/';

/** The metadata service of an ECS instance: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata */
export function prepareMetadata(exchange: Exchange, world: World): Prepared {
  const { method, headers } = exchange.record;
  const { pathname } = new URL(exchange.request.url ?? '/', 'http://100.100.100.200');
  const operation = method === 'PUT' ? 'metadata:PutToken' : 'metadata:Get';
  return { operation, run: () => answer(world, method, pathname, headers) };
}

function answer(world: World, method: string, path: string, headers: Record<string, string>): Answer {
  const { metadataTokens: known } = world;
  const now = world.clock.now();
  if (method === 'PUT' && path === '/latest/api/token') {
    if (world.instance?.v1 === 'only') return { status: 404 };
    const seconds = Number(headers['x-aliyun-ecs-metadata-token-ttl-seconds']);
    if (!(seconds >= 1 && seconds <= 21600)) return { status: 400 };
    const token = randomBytes(24).toString('base64url');
    known.set(token, now + seconds * 1000);
    return { status: 200, body: token };
  }
  const token = headers['x-aliyun-ecs-metadata-token'];
  if (token === undefined ? !world.instance?.v1 : (known.get(token) ?? 0) <= now) return { status: 403 };
  const body = method === 'GET' ? read(world, path) : undefined;
  return body === undefined ? { status: 404 } : { status: 200, body };
}

function read(world: World, path: string): string | undefined {
  const { account, region, role: name } = world.instance ?? {};
  if (path === '/latest/meta-data/region-id') return region;
  if (path === ROLES) return name;
  const role = account?.roles.find((one) => one.name === name);
  if (!account || !role || path !== `${ROLES}${role.name}`) return undefined;
  const session = addSession(world, account, role, 'vm-ram', role.sessionSeconds ?? 6 * 3600);
  return JSON.stringify({
    AccessKeyId: session.accessKeyId,
    AccessKeySecret: session.secret,
    Expiration: isoSeconds(session.expires),
    SecurityToken: session.token,
    Code: 'Success',
  });
}
