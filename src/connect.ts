import type { Agent } from 'node:https';
import { openAgent } from './cloud/agents.ts';
import type { Credentials, Door, Log, Provider } from './cloud/door.ts';
import { defaultEndpoint } from './cloud/endpoints.ts';
import { openRpc, type Rpc } from './cloud/rpc.ts';
import type { ImportRequest } from './inputs.ts';
import { openOss, type Oss } from './oss/client.ts';

/** The doors to the services that an import needs. */
export interface Cloud {
  oss: Oss;
  ecs: Rpc;
  ram: Rpc;
  sts: Rpc;
  log: Log;
}

/**
 * Opens the doors; sends nothing.
 * @param deadline - no new try of a request starts after it, in ms since the epoch
 */
export function connect(request: ImportRequest, log: Log, deadline?: number, env = process.env): Cloud {
  const { region, bucket, hosts } = request;
  const agent: Agent = openAgent(env);
  const door: Door = { credentials: fixed(request), agent, log, deadline, clock: { behind: 0 } };
  const host = (service: 'ecs' | 'oss' | 'ram' | 'sts') => hosts[service] ?? defaultEndpoint(service, region);
  return {
    log,
    oss: openOss({ region, bucket, host: host('oss') }, door),
    ecs: openRpc({ name: 'ecs', host: host('ecs'), version: '2014-05-26', region }, door),
    ram: openRpc({ name: 'ram', host: host('ram'), version: '2015-05-01' }, door),
    sts: openRpc({ name: 'sts', host: host('sts'), version: '2015-04-01' }, door),
  };
}

/** Keys as they are given: there is nothing fresher to be had. */
function fixed({ keys }: ImportRequest): Provider {
  if (keys === undefined) throw new Error('a request without keys has problems and is not used');
  const { accessKeyId, accessKeySecret, securityToken } = keys;
  const credentials: Credentials = {
    accessKeyId,
    accessKeySecret,
    ...(securityToken !== undefined && { securityToken }),
  };
  return Object.assign(() => Promise.resolve(credentials), { forget: () => false });
}
