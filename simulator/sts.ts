import { randomBytes } from 'node:crypto';
import type { RpcCall } from './call.ts';
import { isoSeconds } from './clock.ts';
import { type Account, type Role, type Session, type Statement, randomId } from './entities.ts';
import { fail } from './errors.ts';
import { verifyIdToken } from './oidc.ts';
import { trusts } from './policies.ts';
import type { RpcHandlers } from './table.ts';
import type { World } from './world.ts';

export const STS: RpcHandlers = {
  GetCallerIdentity: ({ caller, account }) => ({
    AccountId: account.id,
    Arn: caller.arn,
    IdentityType: caller.type,
    PrincipalId: caller.principalId,
    ...(caller.type === 'RAMUser' ? { UserId: caller.id } : { RoleId: caller.id }),
  }),
  AssumeRole: (call) => {
    const { account, role } = byArn(call) ?? fail('EntityNotExist.Role');
    const trusted = [`acs:ram::${call.account.id}:root`, call.caller.arn];
    const { ExternalId: externalId } = call.params;
    const facts: Record<string, string> = externalId === undefined ? {} : { 'sts:ExternalId': externalId };
    if (!trusted.some((arn) => trusts(role, { RAM: arn }, facts))) fail('NoPermission');
    return assumed(call, account, role);
  },
  AssumeRoleWithOIDC: (call) => {
    const { account, role } = byArn(call) ?? fail('AuthenticationFail.NoPermission');
    const { OIDCProviderArn: arn = '', OIDCToken: token = '' } = call.params;
    const provider = account.oidcProviders.find((one) => one.arn === arn) ?? fail('AuthenticationFail.NoPermission');
    const { iss, aud, sub } = verifyIdToken(call.world, token, provider.issuer, provider.audiences);
    const facts = { 'oidc:iss': iss, 'oidc:aud': aud, 'oidc:sub': sub };
    if (!trusts(role, { Federated: arn }, facts)) fail('AuthenticationFail.NoPermission');
    return assumed(call, account, role);
  },
};

function byArn(call: RpcCall): { account: Account; role: Role } | undefined {
  const [, id, name = ''] = /^acs:ram::(\d+):role\/(.+)$/.exec(call.params.RoleArn ?? '') ?? [];
  const account = call.world.accounts.find((one) => one.id === id);
  const role = account && call.world.role(account, name);
  return account && role && { account, role };
}

/** Makes a session of the role: https://www.alibabacloud.com/help/en/ram/user-guide/specify-the-maximum-session-duration-for-a-ram-role */
function assumed(call: RpcCall, account: Account, role: Role): object {
  const { RoleSessionName: name = '', DurationSeconds, Policy } = call.params;
  const seconds = Number(DurationSeconds ?? role.sessionSeconds ?? 3600);
  if (!/^[A-Za-z0-9.@_-]{2,64}$/.test(name)) fail('InvalidParameter.RoleSessionName');
  if (DurationSeconds !== undefined && !(seconds >= 900 && seconds <= role.maxSession)) {
    fail('InvalidParameter.DurationSeconds', 'The Min/Max value of DurationSeconds is 15min/1hr.');
  }
  const statements = Policy ? (JSON.parse(Policy) as { Statement: Statement[] }).Statement : undefined;
  const session = addSession(call.world, account, role, name, seconds, statements);
  const arn = `acs:ram::${account.id}:role/${role.name}/${name}`;
  return {
    AssumedRoleUser: { Arn: arn, AssumedRoleId: `${role.id}:${name}` },
    Credentials: {
      AccessKeyId: session.accessKeyId,
      AccessKeySecret: session.secret,
      SecurityToken: session.token,
      Expiration: isoSeconds(session.expires),
    },
  };
}

export function addSession(
  world: World,
  account: Account,
  role: Role,
  name: string,
  seconds: number,
  statements?: Statement[],
): Session {
  const session: Session = {
    accessKeyId: `STS.${randomId('N', 24)}`,
    secret: randomBytes(16).toString('hex'),
    token: `CAIS${randomBytes(240).toString('base64')}`,
    account,
    role,
    name,
    expires: world.clock.now() + seconds * 1000,
    statements,
  };
  world.sessions.push(session);
  return session;
}
