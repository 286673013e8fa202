import { homedir } from 'node:os';
import type { Keys, Source } from './credentials/source.ts';
import type { Fields, Form } from './fields.ts';

const ARN: Form = { test: /^acs:ram::\d+:[\w-]+\/.+$/, meaning: 'an ARN such as acs:ram::<account id>:role/<name>' };
const ROLE: Form = { test: /^[\w.-]{1,64}$/, meaning: 'the name of a RAM role' };
const SESSION: Form = { test: /^[\w.@-]{2,32}$/, meaning: '2 to 32 letters, digits and ".", "@", "_", "-"' };

/**
 * Chooses where credentials come from: what inputs name beats the environment, two sources in the inputs or half a pair
 * anywhere are problems, and a profile or an instance role is used only where it is named. Never another account by accident.
 */
export function readIdentity(fields: Fields, env: NodeJS.ProcessEnv, runId: string): Source | undefined {
  const sessionName = fields.optional('ram_session_name', SESSION) ?? `alicloud-import-${runId}`.slice(0, 32);
  const roleArn = fields.optional('ram_role_arn', ARN);
  const providerArn = fields.optional('oidc_provider_arn', ARN);
  const named = fromInputs(fields, env);
  if (providerArn !== undefined)
    named.push({
      kind: 'oidc',
      roleArn: roleArn ?? '',
      providerArn,
      sessionName,
      from: 'ram_role_arn and oidc_provider_arn',
    });
  if (named.length > 1) {
    fields.problems.push(`More than one source of credentials: ${named.map(({ from }) => from).join('; ')}. Name one.`);
  }
  const found = named[0] ?? fromEnvironment(fields, env);
  if (providerArn !== undefined && roleArn === undefined) fields.problems.push('oidc_provider_arn needs ram_role_arn.');
  if (found === undefined) {
    // Without credentials a dry run checks file and inputs.
    if (!fields.flag('dry_run', false)) fields.problems.push(NONE);
    return undefined;
  }
  if (roleArn === undefined || found.kind === 'oidc') return found;
  return { kind: 'assume', roleArn, sessionName, base: found, from: `ram_role_arn, asked for with ${found.from}` };
}

const NONE =
  'No credentials. Tried: access_key and secret_key; ram_role_arn with oidc_provider_arn; profile; ram_role_name; ' +
  'the environment variables ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, ALIBABA_CLOUD_ACCESS_KEY_ID and ' +
  'ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALICLOUD_PROFILE, ALIBABA_CLOUD_PROFILE, ALIBABA_CLOUD_ECS_METADATA. ' +
  '(A secret that does not exist, or that a pull request from a fork may not see, arrives empty.)';

function fromInputs(fields: Fields, env: NodeJS.ProcessEnv): Source[] {
  const sources: Source[] = [];
  const keys = pair(
    fields,
    ['access_key', 'secret_key'],
    [fields.text('access_key'), fields.text('secret_key')],
    [fields.text('security_token')],
  );
  if (keys !== undefined) sources.push(keys);
  const profile = fields.text('profile');
  const file = fields.text('shared_credentials_file');
  if (profile !== '' || file !== '')
    sources.push(profileOf(profile, file, env, profile === '' ? 'shared_credentials_file' : 'profile'));
  const roleName = fields.optional('ram_role_name', ROLE);
  if (roleName !== undefined) sources.push({ kind: 'ecs', roleName, from: 'ram_role_name' });
  return sources;
}

function fromEnvironment(fields: Fields, env: NodeJS.ProcessEnv): Source | undefined {
  const token = fields.text('security_token');
  const pairs: [string, string, string[]][] = [
    ['ALICLOUD_ACCESS_KEY', 'ALICLOUD_SECRET_KEY', ['ALICLOUD_SECURITY_TOKEN', 'SECURITY_TOKEN']],
    ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', ['ALIBABA_CLOUD_SECURITY_TOKEN']],
  ];
  for (const [id, secret, tokens] of pairs) {
    const found = pair(
      fields,
      [id, secret],
      [env[id] ?? '', env[secret] ?? ''],
      [token, ...tokens.map((name) => env[name] ?? '')],
    );
    if (found !== undefined) return found;
  }
  const profile = ['ALICLOUD_PROFILE', 'ALIBABA_CLOUD_PROFILE'].find((name) => env[name]);
  if (profile !== undefined) return profileOf(env[profile] ?? '', '', env, profile);
  const roleName = env.ALIBABA_CLOUD_ECS_METADATA;
  return roleName ? { kind: 'ecs', roleName, from: 'ALIBABA_CLOUD_ECS_METADATA' } : undefined;
}

/** A pair of keys from one place; never one half from each of two, which may be two accounts. */
function pair(fields: Fields, names: string[], values: string[], tokens: string[]): Source | undefined {
  const [accessKeyId = '', accessKeySecret = ''] = values;
  if (accessKeyId === '' && accessKeySecret === '') return undefined;
  if (accessKeyId === '' || accessKeySecret === '') {
    const [given, missing] = accessKeyId === '' ? names.toReversed() : names;
    fields.problems.push(`Half a key pair: ${given ?? ''} is set, ${missing ?? ''} is empty.`);
  }
  const securityToken = tokens.find((token) => token !== '');
  const keys: Keys = { accessKeyId, accessKeySecret, ...(securityToken !== undefined && { securityToken }) };
  return { kind: 'keys', keys, from: names.join(' and ') };
}

function profileOf(name: string, file: string, env: NodeJS.ProcessEnv, from: string): Source {
  const path = file || env.ALICLOUD_SHARED_CREDENTIALS_FILE || '~/.aliyun/config.json';
  return { kind: 'profile', name: name || undefined, file: path.replace(/^~(?=\/)/, homedir()), from };
}

/** Everything that must never be shown, known before anything is asked. */
export function knownSecrets(fields: Fields, env: NodeJS.ProcessEnv): string[] {
  const inputs = ['access_key', 'secret_key', 'security_token'].map((name) => fields.text(name));
  const variables = [
    'ALICLOUD_ACCESS_KEY ALICLOUD_SECRET_KEY ALICLOUD_SECURITY_TOKEN SECURITY_TOKEN',
    'ALIBABA_CLOUD_ACCESS_KEY_ID ALIBABA_CLOUD_ACCESS_KEY_SECRET ALIBABA_CLOUD_SECURITY_TOKEN',
    'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
  ];
  const values = variables.flatMap((names) => names.split(' ').map((name) => env[name] ?? ''));
  return [...inputs, ...values, ...proxyPasswords(env)].filter((text) => text !== '');
}

function proxyPasswords(env: NodeJS.ProcessEnv): string[] {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'].flatMap((name) => {
    const password = URL.parse(env[name] ?? '')?.password ?? '';
    return password === '' ? [] : [password, decodeURIComponent(password)];
  });
}
