import { openAgent } from '../cloud/agents.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Connection, Provider } from '../cloud/connection.ts';
import type { Log } from '../cloud/log.ts';
import { defaultEndpoint, type Service } from '../cloud/endpoints.ts';
import type { Deadline } from '../cloud/retry.ts';
import { openRpc, type Rpc } from '../cloud/rpc.ts';
import { openCredentials } from '../credentials/open.ts';
import type { Resolved } from '../credentials/profile.ts';
import type { IdToken } from '../credentials/session.ts';
import { openOss, type Oss } from '../oss/client.ts';
import type { Place } from './request.ts';

/** The services that an import needs. */
export interface Clients {
  oss: Oss;
  /** The image's own region. */
  ecs: Rpc;
  ecsIn: (region: string) => Rpc;
  ram: Rpc;
  sts: Rpc;
  deadline: Deadline;
  /** No request starts after this, and no failed one is repeated. One that is under way ends within its time limit. */
  stop: () => void;
}

/** What the runner provides besides the inputs. */
export interface Runner {
  env: NodeJS.ProcessEnv;
  idToken: IdToken;
  log: Log;
  /** Called with each secret before it is used. */
  hide: (secret: string) => void;
}

const VERSIONS = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };

/** Opens the clients; sends nothing. @throws CloudError `InvalidProxy`, `ProxyNeedsNewerRunner` */
export function openClients({ region, bucket, hosts }: Place, source: Resolved, runner: Runner): Clients {
  const { env, idToken, log, hide } = runner;
  const agent = openAgent(env);
  const clock = { behind: 0 };
  const ending = new AbortController();
  const deadline: Deadline = { at: Infinity, signal: ending.signal };
  const host = (service: Service) => hosts[service] ?? defaultEndpoint(service, region);
  const connectionOf = (credentials: Provider): Connection => ({ credentials, agent, log, deadline, clock });
  const rpc = (name: 'ram' | 'sts', credentials: Provider): Rpc =>
    openRpc({ name, host: host(name), version: VERSIONS[name] }, connectionOf(credentials));
  const credentials = openCredentials(source, { log, deadline, sts: (base) => rpc('sts', base), idToken, hide });
  const ecsIn = (where: string): Rpc => {
    const at = where === region ? host('ecs') : defaultEndpoint('ecs', where);
    return openRpc({ name: 'ecs', host: at, version: VERSIONS.ecs, region: where }, connectionOf(credentials));
  };
  return {
    deadline,
    stop: () => {
      deadline.at = 0;
      ending.abort(new CloudError('run', 'Stopped', 'the run has ended'));
    },
    oss: openOss({ region, bucket, host: host('oss') }, connectionOf(credentials)),
    ecs: ecsIn(region),
    ecsIn,
    ram: rpc('ram', credentials),
    sts: rpc('sts', credentials),
  };
}
