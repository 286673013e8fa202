import { getIDToken } from '@actions/core';
import { openAgent } from './cloud/agents.ts';
import type { Door, Log, Provider } from './cloud/door.ts';
import { defaultEndpoint, type Service } from './cloud/endpoints.ts';
import { openRpc, type Rpc } from './cloud/rpc.ts';
import { openCredentials } from './credentials/open.ts';
import type { Resolved } from './credentials/profile.ts';
import type { ImportRequest } from './inputs.ts';
import type { Output } from './log.ts';
import { openOss, type Oss } from './oss/client.ts';

/** The doors to the services that an import needs. */
export interface Cloud {
  oss: Oss;
  /** The image's own region. */
  ecs: Rpc;
  ecsIn: (region: string) => Rpc;
  ram: Rpc;
  sts: Rpc;
  log: Log;
  /** No try of a request starts after `at`, in ms since the epoch. */
  deadline: { at: number };
}

const VERSIONS = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };

/** Opens the doors; sends nothing. */
export function connect(request: ImportRequest, identity: Resolved, log: Output, env = process.env): Cloud {
  const { region, bucket, hosts } = request;
  const agent = openAgent(env);
  const clock = { behind: 0 };
  const deadline = { at: Infinity };
  const host = (service: Service) => hosts[service] ?? defaultEndpoint(service, region);
  const doorOf = (credentials: Provider): Door => ({ credentials, agent, log, deadline, clock });
  const rpc = (name: 'ram' | 'sts', credentials: Provider): Rpc =>
    openRpc({ name, host: host(name), version: VERSIONS[name] }, doorOf(credentials));
  const credentials = openCredentials(identity, {
    log,
    deadline,
    sts: (base) => rpc('sts', base),
    idToken: getIDToken,
    hide: log.hide,
  });
  const ecsIn = (where: string): Rpc => {
    const at = where === region ? host('ecs') : defaultEndpoint('ecs', where);
    return openRpc({ name: 'ecs', host: at, version: VERSIONS.ecs, region: where }, doorOf(credentials));
  };
  return {
    log,
    deadline,
    oss: openOss({ region, bucket, host: host('oss') }, doorOf(credentials)),
    ecs: ecsIn(region),
    ecsIn,
    ram: rpc('ram', credentials),
    sts: rpc('sts', credentials),
  };
}
