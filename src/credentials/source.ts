import type { Credentials } from '../cloud/connection.ts';

/** Where credentials come from; chosen from inputs and environment before anything is asked. */
export type Source =
  | { kind: 'keys'; keys: Keys; from: string }
  /** The runner's own identity, exchanged for a session of the role. */
  | { kind: 'oidc'; roleArn: string; providerArn: string; audience: string; sessionName: string; from: string }
  /** A session of the role, asked for with the credentials of another source. */
  | { kind: 'assume'; roleArn: string; externalId?: string; sessionName: string; base: Source; from: string }
  /** A profile of the Alibaba Cloud CLI. */
  | { kind: 'profile'; name: string; file: string; from: string }
  /** The RAM role of the ECS instance that the runner lives on; without a name, whichever it has. */
  | { kind: 'ecs'; roleName: string | undefined; from: string };

export type Keys = Omit<Credentials, 'expiration'>;

/** Whether it rests on a token that ends by itself and that nobody here can renew. */
export function endsByItself(source: Source): boolean {
  if (source.kind === 'assume') return endsByItself(source.base);
  return source.kind === 'keys' && source.keys.securityToken !== undefined;
}
