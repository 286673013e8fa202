import type { People } from './people.ts';

/** One source of credentials. */
export interface Identity {
  name: string;
  inputs?: Record<string, string>;
  env?: Record<string, string>;
  /** The caller, as the end of an ARN. */
  caller: string;
  /** Name of the source in the log. */
  from: string;
}

const USER = 'user/ci';
const SESSION = 'assumed-role/importer/alicloud-import-4242';

/** Every source, with the stranger's credentials in every source of lower priority. */
export function identities({ user, roleArn, providerArn, session, stranger }: People): Identity[] {
  const keys = { access_key: user.accessKeyId, secret_key: user.secret };
  const sts = { access_key: session.accessKeyId, secret_key: session.secret, security_token: session.token };
  const profiles = { ALICLOUD_PROFILE: 'default', ALIBABA_CLOUD_PROFILE: 'default' };
  const second = {
    ALIBABA_CLOUD_ACCESS_KEY_ID: stranger.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: stranger.secret,
    ...profiles,
  };
  const first = { ALICLOUD_ACCESS_KEY: stranger.accessKeyId, ALICLOUD_SECRET_KEY: stranger.secret, ...second };
  const own = { ALICLOUD_ACCESS_KEY: user.accessKeyId, ALICLOUD_SECRET_KEY: user.secret, ...second };
  const temporary = { ALICLOUD_ACCESS_KEY: session.accessKeyId, ALICLOUD_SECRET_KEY: session.secret, ...second };
  const before = 'assumed-role/importer/made-before';
  const vm = 'assumed-role/importer/vm-ram';
  const role = { ram_role_arn: roleArn };
  return [
    { name: 'keys', inputs: keys, env: first, caller: USER, from: 'access_key and secret_key' },
    { name: 'session', inputs: sts, env: first, caller: before, from: 'access_key and secret_key' },
    {
      name: 'oidc',
      inputs: { ...role, oidc_provider_arn: providerArn },
      env: first,
      caller: SESSION,
      from: 'ram_role_arn and oidc_provider_arn',
    },
    {
      name: 'role with keys',
      inputs: { ...keys, ...role, ram_session_name: 'mine' },
      env: first,
      caller: 'assumed-role/importer/mine',
      from: 'ram_role_arn, assumed with access_key and secret_key',
    },
    {
      name: 'role with profile',
      inputs: { profile: 'ak', ...role },
      env: first,
      caller: SESSION,
      from: 'ram_role_arn, assumed with profile',
    },
    {
      name: 'role with instance',
      inputs: { ram_role_name: 'importer', ...role },
      env: first,
      caller: SESSION,
      from: 'ram_role_arn, assumed with ram_role_name',
    },
    {
      name: 'role with environment',
      inputs: role,
      env: own,
      caller: SESSION,
      from: 'ram_role_arn, assumed with ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY',
    },
    { name: 'profile AK', inputs: { profile: 'ak' }, env: first, caller: USER, from: 'profile, profile ak' },
    { name: 'profile StsToken', inputs: { profile: 'sts' }, env: first, caller: before, from: 'profile, profile sts' },
    {
      name: 'profile RamRoleArn',
      inputs: { profile: 'arn' },
      env: first,
      caller: 'assumed-role/importer/from-profile',
      from: 'profile, profile arn',
    },
    {
      name: 'profile RamRoleArn with token and external id',
      inputs: { profile: 'arn-sts' },
      env: first,
      caller: 'assumed-role/external/alicloud-import-4242',
      from: 'profile, profile arn-sts',
    },
    {
      name: 'profile EcsRamRole without a name',
      inputs: { profile: 'ecs-any' },
      env: first,
      caller: vm,
      from: 'profile, profile ecs-any',
    },
    {
      name: 'oidc with an audience',
      inputs: { ...role, oidc_provider_arn: providerArn, oidc_audience: 'ours' },
      env: first,
      caller: SESSION,
      from: 'ram_role_arn and oidc_provider_arn',
    },
    { name: 'profile EcsRamRole', inputs: { profile: 'ecs' }, env: first, caller: vm, from: 'profile, profile ecs' },
    { name: 'instance', inputs: { ram_role_name: 'importer' }, env: first, caller: vm, from: 'ram_role_name' },
    { name: 'ALICLOUD', env: own, caller: USER, from: 'ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY' },
    {
      name: 'ALICLOUD session',
      env: { ...temporary, ALICLOUD_SECURITY_TOKEN: session.token, SECURITY_TOKEN: 'not this one' },
      caller: before,
      from: 'ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY',
    },
    {
      name: 'SECURITY_TOKEN',
      env: { ...temporary, SECURITY_TOKEN: session.token },
      caller: before,
      from: 'ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY',
    },
    {
      name: 'ALIBABA_CLOUD session',
      env: {
        ALIBABA_CLOUD_ACCESS_KEY_ID: session.accessKeyId,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: session.secret,
        ALIBABA_CLOUD_SECURITY_TOKEN: session.token,
        ...profiles,
      },
      caller: before,
      from: 'ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    },
    {
      name: 'ALICLOUD_PROFILE',
      env: { ALICLOUD_PROFILE: 'ak', ALIBABA_CLOUD_PROFILE: 'default' },
      caller: USER,
      from: 'ALICLOUD_PROFILE, profile ak',
    },
    {
      name: 'ALIBABA_CLOUD_PROFILE',
      env: { ALIBABA_CLOUD_PROFILE: 'arn' },
      caller: 'assumed-role/importer/from-profile',
      from: 'ALIBABA_CLOUD_PROFILE, profile arn',
    },
    {
      name: 'ALIBABA_CLOUD_ECS_METADATA',
      env: { ALIBABA_CLOUD_ECS_METADATA: 'importer' },
      caller: vm,
      from: 'ALIBABA_CLOUD_ECS_METADATA',
    },
  ];
}
