import type { Credentials } from '../cloud/connection.ts';

/** Where credentials come from, as inputs and environment say. */
export type Source =
  | { kind: 'keys'; keys: Keys; from: string }
  /** The identity of the job, exchanged for a session of the role. */
  | { kind: 'oidc'; roleArn: string; providerArn: string; audience: string; sessionName: string; from: string }
  /** A session of the role, assumed with the credentials of another source. */
  | { kind: 'assume'; roleArn: string; externalId?: string; sessionName: string; base: Source; from: string }
  /** A profile of the Alibaba Cloud CLI. */
  | { kind: 'profile'; name: string; file: string; from: string }
  /** The RAM role of the ECS instance that the runner runs on; without a name, the one that it has. */
  | { kind: 'ecs'; roleName: string | undefined; from: string };

export type Keys = Omit<Credentials, 'expiration'>;

/** Whether the credentials include a token that expires and that the action cannot renew. */
export function cannotBeRenewed(source: Source): boolean {
  if (source.kind === 'assume') return cannotBeRenewed(source.base);
  return source.kind === 'keys' && source.keys.securityToken !== undefined;
}
