import https from 'node:https';
import RPCClient from '@alicloud/pop-core';
import OSS from 'ali-oss';
import type { Simulator, User } from '../../simulator/index.ts';

type Credentials = Pick<User, 'accessKeyId' | 'secret'> & { token?: string };

export function agent(simulator: Simulator): https.Agent {
  return new https.Agent({ keepAlive: true, ca: simulator.ca, proxyEnv: { HTTPS_PROXY: simulator.proxy } });
}

export function oss(simulator: Simulator, some: Partial<OSS.Options> = {}, who: Credentials = simulator.admin): OSS {
  return new OSS({
    accessKeyId: who.accessKeyId,
    accessKeySecret: who.secret,
    ...(who.token !== undefined && { stsToken: who.token, refreshSTSTokenInterval: 1e9 }),
    region: 'oss-cn-beijing',
    endpoint: 'https://oss-cn-beijing.aliyuncs.com',
    secure: true,
    // @ts-expect-error missing in the types
    authorizationV4: true,
    bucket: 'packer',
    httpsAgent: agent(simulator),
    ...some,
  });
}

const VERSIONS = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };
export type Rpc = (action: string, params?: Record<string, unknown>) => Promise<Record<string, never>>;

export function rpc(simulator: Simulator, service: keyof typeof VERSIONS, who: Credentials = simulator.admin, host?: string): Rpc {
  const client = new RPCClient({
    endpoint: `https://${host ?? (service === 'ecs' ? 'ecs.cn-beijing' : service) + '.aliyuncs.com'}`,
    apiVersion: VERSIONS[service],
    accessKeyId: who.accessKeyId,
    accessKeySecret: who.secret,
    ...(who.token !== undefined && { securityToken: who.token }),
    opts: { agent: agent(simulator) as never, timeout: 5000 },
  });
  const region = service === 'ecs' ? { RegionId: 'cn-beijing' } : {};
  return (action, params = {}) => client.request(action, { ...region, ...params }, { method: 'POST' });
}

/** The code of the error that a promise ends in. */
export function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: unknown }).code ?? String(error),
  );
}
