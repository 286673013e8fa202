import type { Connection, Provider } from '../cloud/connection.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { instanceCredentials } from './metadata.ts';
import { fixed, refreshing, secretsOf } from './refreshing.ts';
import { assume, assumeWithOidc, type IdToken } from './session.ts';
import type { Resolved } from './profile.ts';

/** What it takes to get credentials from other services. */
export interface Means extends Pick<Connection, 'log' | 'deadline'> {
  /** Opens STS with the given credentials. */
  sts: (credentials: Provider) => Rpc;
  idToken: IdToken;
  /** Called with each secret before its first use. */
  hide: (secret: string) => void;
}

/** Without a key, pop-core does not sign requests. */
const ANONYMOUS = fixed({ accessKeyId: '', accessKeySecret: '' });

/** Makes the provider of a source. Sends nothing before the first use. */
export function openCredentials(source: Resolved, means: Means): Provider {
  const { log, hide, sts, idToken } = means;
  switch (source.kind) {
    case 'keys':
      secretsOf(source.keys).forEach(hide);
      return fixed(source.keys);
    case 'oidc':
      return refreshing(() => assumeWithOidc(sts(ANONYMOUS), source, idToken, means), log, hide);
    case 'assume': {
      const base = sts(openCredentials(source.base, means));
      return refreshing(() => assume(base, source), log, hide);
    }
    case 'ecs':
      return refreshing(() => instanceCredentials(source.roleName), log, hide);
  }
}
