import { homedir } from 'node:os';
import { unescape } from 'node:querystring';
import { getInput } from '@actions/core';
import type { Keys, Source } from '../credentials/source.ts';
import type { Fields, Form } from './fields.ts';

const ROLE_ARN: Form = { test: /^acs:ram::\d+:role\/.+$/, meaning: 'an ARN such as acs:ram::<account id>:role/<name>' };
const PROVIDER_ARN: Form = {
  test: /^acs:ram::\d+:oidc-provider\/.+$/,
  meaning: 'an ARN such as acs:ram::<account id>:oidc-provider/<name>',
};
export const ROLE: Form = { test: /^[\w.-]{1,64}$/, meaning: 'the name of a RAM role' };
export const SESSION: Form = { test: /^[\w.@-]{2,32}$/, meaning: '2 to 32 letters, digits and ".", "@", "_", "-"' };

const AUDIENCE: Form = {
  test: /^[\x21-\x7e]{1,128}$/,
  meaning: 'an audience without spaces, such as sts.aliyuncs.com',
};

/** Names of key id, secret and token of one place, which belong together. */
type Names = [id: string, secret: string, token: string];
const INPUTS: Names = ['access_key', 'secret_key', 'security_token'];
const VARIABLES: Names[] = [
  ['ALICLOUD_ACCESS_KEY', 'ALICLOUD_SECRET_KEY', 'ALICLOUD_SECURITY_TOKEN'],
  ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'ALIBABA_CLOUD_SECURITY_TOKEN'],
];
/** Characters that no key or token has. Pasted by mistake, they would cause confusing errors of the services. */
const NOT_IN_KEYS = /[^\x21-\x7e]|["']/;
const PROFILES = ['ALICLOUD_PROFILE', 'ALIBABA_CLOUD_PROFILE'];
const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

const NONE =
  'No credentials. Tried: access_key and secret_key; ram_role_arn with oidc_provider_arn; profile; ram_role_name; ' +
  'the environment variables ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, ALIBABA_CLOUD_ACCESS_KEY_ID and ' +
  'ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALICLOUD_PROFILE, ALIBABA_CLOUD_PROFILE, ALIBABA_CLOUD_ECS_METADATA. ' +
  '(A secret that does not exist, or that a pull request from a fork cannot read, is empty.)';

/**
 * Chooses where credentials come from. Inputs win over the environment. Two sources in the inputs are a problem, and so is
 * half a key pair. A profile or an instance role counts only if it is named. So another account is never used by accident.
 */
export function readIdentity(
  fields: Fields,
  env: NodeJS.ProcessEnv,
  sessionName: string,
  dryRun: boolean,
): Source | undefined {
  const roleArn = fields.optional('ram_role_arn', ROLE_ARN);
  const providerArn = fields.optional('oidc_provider_arn', PROVIDER_ARN);
  const audience = fields.optional('oidc_audience', AUDIENCE) ?? 'sts.aliyuncs.com';
  const named = fromInputs(fields, env);
  if (providerArn !== undefined) {
    const from = 'ram_role_arn and oidc_provider_arn';
    named.push({ kind: 'oidc', roleArn: roleArn ?? '', providerArn, audience, sessionName, from });
    if (roleArn === undefined) fields.problems.push('oidc_provider_arn is set, but ram_role_arn is empty.');
  }
  if (named.length > 1) {
    fields.problems.push(
      `More than one source of credentials: ${named.map(({ from }) => from).join('; ')}. Set only one.`,
    );
  }
  const found = named[0] ?? fromEnvironment(fields, env);
  // A pull request from a fork has neither secrets nor an identity token. Its dry run checks only file and inputs.
  if (dryRun && found?.kind === 'oidc' && environmentValue(env, 'ACTIONS_ID_TOKEN_REQUEST_URL') === '')
    return undefined;
  if (found === undefined && !dryRun) fields.problems.push(NONE);
  if (found === undefined || roleArn === undefined || found.kind === 'oidc') return found;
  return { kind: 'assume', roleArn, sessionName, base: found, from: `ram_role_arn, assumed with ${found.from}` };
}

function fromInputs(fields: Fields, env: NodeJS.ProcessEnv): Source[] {
  const sources: Source[] = [];
  const keys = pair(fields, INPUTS, (name) => fields.text(name));
  if (keys !== undefined) sources.push(keys);
  const file = fields.text('shared_credentials_file');
  const profile = fields.text('profile');
  if (profile !== '') sources.push(profileOf(profile, file, env, 'profile'));
  else if (file !== '') {
    const variable = PROFILES.find((name) => environmentValue(env, name) !== '');
    if (variable === undefined) fields.problems.push('shared_credentials_file is set, but profile is empty.');
    else sources.push(profileOf(environmentValue(env, variable), file, env, `shared_credentials_file and ${variable}`));
  }
  const roleName = fields.optional('ram_role_name', ROLE);
  if (roleName !== undefined) sources.push({ kind: 'ecs', roleName, from: 'ram_role_name' });
  return sources;
}

function fromEnvironment(fields: Fields, env: NodeJS.ProcessEnv): Source | undefined {
  for (const names of VARIABLES) {
    const spare = names === VARIABLES[0] ? environmentValue(env, 'SECURITY_TOKEN') : '';
    const keys = pair(fields, names, (name) => environmentValue(env, name), spare);
    if (keys !== undefined) return keys;
  }
  const profile = PROFILES.find((name) => environmentValue(env, name) !== '');
  if (profile !== undefined) return profileOf(environmentValue(env, profile), '', env, profile);
  const from = 'ALIBABA_CLOUD_ECS_METADATA';
  const roleName = environmentValue(env, from);
  return roleName === '' ? undefined : { kind: 'ecs', roleName, from };
}

/** The keys of one place: half a pair is never completed from another place, which may be another account. */
function pair(fields: Fields, names: Names, value: (name: string) => string, spare = ''): Source | undefined {
  const [accessKeyId, accessKeySecret, token] = names.map(value) as Names;
  if (accessKeyId + accessKeySecret + token === '') return undefined;
  const keys: Keys = { accessKeyId, accessKeySecret, ...(token || spare ? { securityToken: token || spare } : {}) };
  if (accessKeyId === '' || accessKeySecret === '') {
    const list = (wanted: boolean) => names.filter((name) => (value(name) !== '') === wanted).join(' and ');
    const needed = list(false).replace(` and ${names[2]}`, '');
    fields.problems.push(
      `Incomplete credentials: no value for ${needed}, but one for ${list(true)}. Does the secret exist?`,
    );
  } else if (accessKeyId.startsWith('STS.') && keys.securityToken === undefined) {
    fields.problems.push(`${names[0]} is a temporary key (it begins with STS.), but ${names[2]} is empty.`);
  }
  for (const [n, text] of [accessKeyId, accessKeySecret, keys.securityToken ?? ''].entries()) {
    if (!NOT_IN_KEYS.test(text)) continue;
    fields.problems.push(
      `${names[n] ?? ''} contains a space, a line break, a quotation mark or a non-ASCII character. Copy it again.`,
    );
  }
  return { kind: 'keys', keys, from: names.slice(0, 2).join(' and ') };
}

function profileOf(name: string, file: string, env: NodeJS.ProcessEnv, from: string): Source {
  const path = file || environmentValue(env, 'ALICLOUD_SHARED_CREDENTIALS_FILE') || '~/.aliyun/config.json';
  return { kind: 'profile', name, file: path.startsWith('~/') ? homedir() + path.slice(1) : path, from };
}

/** A variable, trimmed as inputs are: pasted secrets often end with a line break. */
export const environmentValue = (env: NodeJS.ProcessEnv, name: string): string => env[name]?.trim() ?? '';

/** Every secret in inputs and environment, to be hidden before anything is printed or sent. */
export function knownSecrets(env: NodeJS.ProcessEnv): string[] {
  const inputs = INPUTS.map((name) => getInput(name));
  const variables = [...VARIABLES.flat(), 'SECURITY_TOKEN', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  const values = variables.map((name) => environmentValue(env, name));
  return [...inputs, ...values, ...proxyPasswords(env)].filter((text) => text !== '');
}

/** The password of each proxy, or the user if there is no password: some proxies take a token as the user. */
function proxyPasswords(env: NodeJS.ProcessEnv): string[] {
  return PROXIES.flatMap((name) => {
    const { username = '', password = '' } = URL.parse(environmentValue(env, name)) ?? {};
    const secret = password || username;
    return [secret, unescape(secret)];
  });
}
