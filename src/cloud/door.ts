import type { Agent } from 'node:https';

/** Where the rooms say what they do: one fact a line. */
export interface Log {
  info: (line: string) => void;
  warning: (line: string) => void;
}

export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string;
  /** When the session ends, in ms since the epoch; undefined for keys that do not expire and for tokens of unknown life. */
  expiration?: number;
}

/** Gives credentials that outlive a request; `forget` drops what a service has just called expired. */
export interface Provider {
  (): Promise<Credentials>;
  /** Says whether a fresh set can be had. */
  forget(): boolean;
}

/** What every request needs, whichever SDK sends it. */
export interface Door {
  credentials: Provider;
  agent: Agent;
  log: Log;
  /** No new try starts after this moment, in ms since the epoch; shared by all doors, so that it can be moved. */
  deadline: { at: number };
  /** How far this machine's clock is behind the cloud's, in ms; learned from a refusal. */
  clock: { behind: number };
}

/** Applies what a refusal calls for to the door, so that the next try can succeed. */
export function heal(door: Door, how: 'clock' | 'token', error: { clockBehind: number | undefined }): boolean {
  if (how === 'token') return door.credentials.forget();
  if (error.clockBehind === undefined) return false;
  door.clock.behind = error.clockBehind;
  return true;
}
