import type { Agent } from 'node:https';
import type { Log } from './log.ts';
import type { Deadline, RetryOptions } from './retry.ts';

export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string;
  /** End of the session, in ms since the epoch; undefined for keys that do not expire and for tokens of unknown lifetime. */
  expiration?: number;
}

/** Returns credentials that outlive a request. `forget` drops credentials that a service has called expired. */
export interface Provider {
  (): Promise<Credentials>;
  /** Returns whether new ones can be fetched. */
  forget(): boolean;
}

/** What every request needs, with either SDK. */
export interface Connection {
  credentials: Provider;
  agent: Agent;
  log: Log;
  /** Shared by all requests, so that it can be moved. */
  deadline: Deadline;
  /** How far this machine's clock is behind the cloud's, in ms. It is learned from a refused request. */
  clock: { behind: number };
}

/** Options for retries on this connection: the cause of a failure that the client can remove is gone before the next try. */
export function retryOptions(connection: Connection): Pick<RetryOptions, 'log' | 'deadline' | 'heal'> {
  const heal: RetryOptions['heal'] = (how, { code, clockBehind }) => {
    if (how === 'again') {
      // A proxy that has forgotten one idle connection has forgotten the others: each would cost a try.
      const idle = /^(ECONNRESET|EPIPE)$/.test(code) ? Object.values(connection.agent.freeSockets).flat() : [];
      for (const socket of idle) socket?.destroy();
      return true;
    }
    if (how === 'token') return connection.credentials.forget();
    if (clockBehind === undefined) return false;
    connection.clock.behind = clockBehind;
    return true;
  };
  return { log: connection.log, deadline: connection.deadline, heal };
}
