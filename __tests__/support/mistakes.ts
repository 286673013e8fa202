import { join } from 'node:path';
import { trusting } from '../../simulator/index.ts';
import type { Crowd } from './people.ts';

/** A mistake, and what the one error has to contain: the cause, the source and the fix. */
export interface Mistake {
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  says: (string | RegExp)[];
  /** Whether no request must be sent. */
  quiet?: true;
}

/** All mistakes; creates the roles and providers that they need. */
export function mistakesOf({
  simulator,
  workspace,
  account,
  user,
  roleArn,
  providerArn,
  session,
  stranger,
}: Crowd): Record<string, Mistake> {
  const { world } = simulator;
  const keys = { access_key: user.accessKeyId, secret_key: user.secret };
  const arn = (kind: string, name: string) => `acs:ram::${account.id}:${kind}/${name}`;
  const condition = { StringLike: { 'oidc:sub': 'repo:octo-org/another:*' } };
  world.addRole(account, 'strict', trusting({ Federated: [providerArn] }, condition), ['AdministratorAccess']);
  const issuer = 'https://token.actions.githubusercontent.com';
  account.oidcProviders.push({
    arn: arn('oidc-provider', 'elsewhere'),
    issuer,
    audiences: ['https://github.com/octo'],
  });
  account.oidcProviders.push({
    arn: arn('oidc-provider', 'gitlab'),
    issuer: 'https://gitlab.com',
    audiences: ['sts.aliyuncs.com'],
  });
  const disabled = world.addUser(account, 'disabled');
  disabled.disabled = true;
  const oidc = { ram_role_arn: roleArn, oidc_provider_arn: providerArn };
  const noConfig = join(workspace, 'no.json');
  const notJson = join(workspace, 'not.json');
  const from = (source: string) => `credentials from ${source}, the only source that was tried`;
  return {
    'a trust policy for another repository': {
      inputs: { ...oidc, ram_role_arn: arn('role', 'strict') },
      says: [
        'AuthenticationFail.NoPermission',
        'sub repo:octo-org/octo-repo:ref:refs/heads/main',
        'aud sts.aliyuncs.com',
        'trust policy',
        from('ram_role_arn and oidc_provider_arn'),
      ],
    },
    'a role that does not exist': {
      inputs: { ...oidc, ram_role_arn: arn('role', 'nobody') },
      says: ['AuthenticationFail.NoPermission', 'check ram_role_arn and oidc_provider_arn'],
    },
    'an audience that the provider does not accept': {
      inputs: { ...oidc, oidc_provider_arn: arn('oidc-provider', 'elsewhere') },
      says: ['AudienceNotMatch', 'aud sts.aliyuncs.com', 'Add it to the client IDs', 'oidc_provider_arn'],
    },
    'an oidc_audience that the provider does not accept': {
      inputs: { ...oidc, oidc_audience: 'theirs' },
      says: ['AudienceNotMatch', 'aud theirs', 'set oidc_audience'],
    },
    "somebody else's provider": {
      inputs: { ...oidc, oidc_provider_arn: arn('oidc-provider', 'gitlab') },
      says: [
        'AuthenticationFail.OIDCToken',
        'must be the iss in this message',
        'iss https://token.actions.githubusercontent.com',
      ],
    },
    'no permission for an identity token': {
      inputs: oidc,
      env: { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' },
      says: [
        'MissingIdTokenPermission',
        'permissions: { id-token: write',
        from('ram_role_arn and oidc_provider_arn'),
        'fork',
      ],
    },
    'an identity token that GitHub refuses': {
      inputs: oidc,
      env: { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'stale-request-token' },
      says: ['IdTokenRefused', '401', 'Run the job again'],
    },
    'a role that does not trust the caller': {
      inputs: { ...keys, ram_role_arn: arn('role', 'strict') },
      says: [
        'AssumeRoleDenied',
        arn('role', 'strict'),
        'sts:AssumeRole',
        from('ram_role_arn, assumed with access_key and secret_key'),
      ],
    },
    'an expired profile': {
      inputs: { profile: 'old' },
      says: ['InvalidSecurityToken.Expired', 'have expired', from('profile, profile old')],
    },
    'no metadata service': {
      inputs: { ram_role_name: 'importer' },
      env: { ROUTES: '{"100.100.100.200":9}' },
      says: ['NoMetadataService', '100.100.100.200', 'Attach a RAM role', from('ram_role_name')],
    },
    'another instance role': {
      inputs: { ram_role_name: 'other' },
      says: ['NoSuchInstanceRole', 'no RAM role other', 'correct ram_role_name'],
    },
    'a wrong secret': {
      inputs: { ...keys, secret_key: 'mistyped-secret' },
      says: ['SignatureDoesNotMatch', 'does not belong to access_key', from('access_key and secret_key')],
    },
    'a key that does not exist': {
      env: { ALICLOUD_ACCESS_KEY: 'LTAInobody', ALICLOUD_SECRET_KEY: 'nothing' },
      says: ['InvalidAccessKeyId.NotFound', from('ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY')],
    },
    'a disabled key': {
      inputs: { access_key: disabled.accessKeyId, secret_key: disabled.secret },
      says: ['InvalidAccessKeyId.Inactive', 'disabled'],
    },
    'a token of another session': {
      inputs: { ...keys, security_token: session.token },
      says: [/InvalidSecurityToken/, 'do not belong together'],
    },
    'an unknown profile': {
      inputs: { profile: 'nobody' },
      says: ['has no profile nobody. Its profiles: default, ak,', '/.aliyun/config.json'],
      quiet: true,
    },
    'no configuration file': {
      inputs: { profile: 'ak', shared_credentials_file: noConfig },
      says: [`profile: ${noConfig} cannot be read (ENOENT)`, 'shared_credentials_file'],
      quiet: true,
    },
    'a configuration file of another kind': {
      inputs: { profile: 'ak', shared_credentials_file: notJson },
      says: [`${notJson} is not JSON`],
      quiet: true,
    },
    'an unknown mode': {
      inputs: { profile: 'sso' },
      says: ['mode CloudSSO, which is not one of AK, StsToken, RamRoleArn, EcsRamRole'],
      quiet: true,
    },
    'half a profile': { inputs: { profile: 'half' }, says: ['profile half', 'has no access_key_secret'], quiet: true },
    'a file without a profile': {
      inputs: { shared_credentials_file: '~/.aliyun/config.json' },
      says: ['shared_credentials_file is set, but profile is empty'],
      quiet: true,
    },
    'an empty secret_key': {
      inputs: { access_key: user.accessKeyId, secret_key: '' },
      env: { ALICLOUD_SECRET_KEY: stranger.secret },
      says: ['no value for secret_key, but one for access_key.', 'Does the secret exist?'],
      quiet: true,
    },
    'an empty access_key': {
      inputs: { access_key: '', secret_key: user.secret },
      says: ['no value for access_key, but one for secret_key.'],
      quiet: true,
    },
    'a token alone': {
      inputs: { security_token: session.token },
      env: { ALICLOUD_ACCESS_KEY: stranger.accessKeyId, ALICLOUD_SECRET_KEY: stranger.secret },
      says: ['no value for access_key and secret_key, but one for security_token.'],
      quiet: true,
    },
    'an empty security_token': {
      inputs: { access_key: session.accessKeyId, secret_key: session.secret, security_token: '' },
      says: ['access_key is a temporary key', 'security_token is empty'],
      quiet: true,
    },
    'half of ALICLOUD_*': {
      env: {
        ALICLOUD_ACCESS_KEY: user.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_ID: stranger.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: stranger.secret,
      },
      says: ['no value for ALICLOUD_SECRET_KEY, but one for ALICLOUD_ACCESS_KEY.'],
      quiet: true,
    },
    'half of ALIBABA_CLOUD_*': {
      env: { ALIBABA_CLOUD_ACCESS_KEY_SECRET: user.secret, ALICLOUD_PROFILE: 'default' },
      says: ['no value for ALIBABA_CLOUD_ACCESS_KEY_ID, but one for ALIBABA_CLOUD_ACCESS_KEY_SECRET.'],
      quiet: true,
    },
    'an empty ram_role_arn': {
      inputs: { oidc_provider_arn: providerArn },
      says: ['oidc_provider_arn is set, but ram_role_arn is empty'],
      quiet: true,
    },
    'ARNs that changed places': {
      inputs: { ram_role_arn: providerArn, oidc_provider_arn: roleArn },
      says: ['ram_role_arn "acs:ram::', ':role/<name>', ':oidc-provider/<name>'],
      quiet: true,
    },
    'two sources': {
      inputs: { ...keys, profile: 'ak' },
      says: ['More than one source of credentials: access_key and secret_key; profile. Set only one.'],
      quiet: true,
    },
    'nothing at all': {
      inputs: { access_key: '', secret_key: '' },
      says: [
        'No credentials. Tried: access_key and secret_key; ram_role_arn with oidc_provider_arn; profile; ram_role_name',
        /ALICLOUD_ACCESS_KEY.*ALIBABA_CLOUD_ACCESS_KEY_ID.*ALICLOUD_PROFILE.*ALIBABA_CLOUD_PROFILE.*ALIBABA_CLOUD_ECS_METADATA/,
        'fork',
      ],
      quiet: true,
    },
  };
}
