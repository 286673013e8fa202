import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fields } from '../../src/action/fields.ts';
import { knownSecrets, readIdentity } from '../../src/action/identity.ts';
import type { Source } from '../../src/credentials/source.ts';

const ROLE = 'acs:ram::1:role/r';
const PROVIDER = 'acs:ram::1:oidc-provider/p';

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('INPUT_')) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function read(inputs: Record<string, string>, env: Record<string, string>): { source?: Source; problems: string[] } {
  const fields = new Fields();
  for (const [name, value] of Object.entries(inputs)) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  const source = readIdentity(fields, env, 'session', false);
  return { ...(source && { source }), problems: fields.problems };
}

/** Values that tell which name they were set under. */
const mark = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `of-${name}`]));
type Choice = [inputs: Record<string, string>, env: Record<string, string>, what: string];
const choices = (kind: 'inputs' | 'env', ...all: [what: string, values: Record<string, string>][]): Choice[] => [
  [{}, {}, ''],
  ...all.map(([what, values]): Choice => (kind === 'inputs' ? [values, {}, what] : [{}, values, what])),
];
const pairOf = (kind: 'inputs' | 'env', id: string, secret: string): Choice[] =>
  choices(kind, ['half', mark(id)], ['half', mark(secret)], ['full', mark(id, secret)]);

const DIMENSIONS: Record<string, Choice[]> = {
  keys: pairOf('inputs', 'access_key', 'secret_key'),
  profile: choices('inputs', ['set', mark('profile')]),
  instance: choices('inputs', ['set', { ram_role_name: 'of-ram_role_name' }]),
  role: choices('inputs', ['set', { ram_role_arn: ROLE }]),
  provider: choices('inputs', ['set', { oidc_provider_arn: PROVIDER }]),
  first: pairOf('env', 'ALICLOUD_ACCESS_KEY', 'ALICLOUD_SECRET_KEY'),
  second: pairOf('env', 'ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET'),
  firstProfile: choices('env', ['set', mark('ALICLOUD_PROFILE')]),
  secondProfile: choices('env', ['set', mark('ALIBABA_CLOUD_PROFILE')]),
  metadata: choices('env', ['set', mark('ALIBABA_CLOUD_ECS_METADATA')]),
};

/** The rule, written a second time: the source that must be chosen, or undefined if it must be a problem. */
function expected(is: Record<string, string>): string | undefined {
  const named = ['keys', 'profile', 'instance', 'provider'].filter((one) => is[one] !== '');
  if (named.length > 1 || is.keys === 'half' || (is.provider !== '' && is.role === '')) return undefined;
  const inEnvironment = ['first', 'second', 'firstProfile', 'secondProfile', 'metadata'].find((one) => is[one] !== '');
  const who = named[0] ?? inEnvironment;
  if (who === undefined || is[who] === 'half') return undefined;
  return is.role !== '' && who !== 'provider' ? `role with ${who}` : who;
}

/** The dimension that a source took its values from, judged by the values alone. */
function takenFrom(source: Source): string {
  switch (source.kind) {
    case 'assume':
      return `role with ${takenFrom(source.base)}`;
    case 'oidc':
      return 'provider';
    case 'ecs':
      return source.roleName === 'of-ram_role_name' ? 'instance' : 'metadata';
    case 'profile':
      return { 'of-profile': 'profile', 'of-ALICLOUD_PROFILE': 'firstProfile' }[source.name] ?? 'secondProfile';
    case 'keys': {
      const { accessKeyId, accessKeySecret } = source.keys;
      const pairs: Record<string, string> = {
        'of-access_key,of-secret_key': 'keys',
        'of-ALICLOUD_ACCESS_KEY,of-ALICLOUD_SECRET_KEY': 'first',
        'of-ALIBABA_CLOUD_ACCESS_KEY_ID,of-ALIBABA_CLOUD_ACCESS_KEY_SECRET': 'second',
      };
      return pairs[`${accessKeyId},${accessKeySecret}`] ?? 'a mixture';
    }
  }
}

test('all 8,192 combinations of keys, profiles and roles give the right source or a problem, never a mixture', () => {
  const names = Object.keys(DIMENSIONS);
  const all = Object.values(DIMENSIONS).reduce<Choice[][]>(
    (rows, some) => rows.flatMap((row) => some.map((one) => [...row, one])),
    [[]],
  );
  expect(all).toHaveLength(8192);
  const wrong: string[] = [];
  for (const row of all) {
    const is = Object.fromEntries(row.map(([, , what], at) => [names[at] ?? '', what]));
    vi.unstubAllEnvs();
    const { source, problems } = read(
      Object.assign({}, ...row.map(([inputs]) => inputs)) as never,
      Object.assign({}, ...row.map(([, env]) => env)) as never,
    );
    const found = problems.length > 0 || source === undefined ? undefined : takenFrom(source);
    if (found !== expected(is)) wrong.push(`${JSON.stringify(is)}: ${found ?? 'a problem'}`);
    if (found === undefined && problems.length === 0) wrong.push(`${JSON.stringify(is)}: nothing said`);
  }
  expect(wrong).toEqual([]);
});

test('a profile of the environment with a file of the inputs', () => {
  const { source, problems } = read(
    { shared_credentials_file: 'some.json' },
    { ALICLOUD_PROFILE: 'prod', ALICLOUD_ACCESS_KEY: 'id', ALICLOUD_SECRET_KEY: 's' },
  );
  expect(problems).toEqual([]);
  expect(source).toMatchObject({ kind: 'profile', name: 'prod', file: 'some.json' });
});

test('variables are trimmed, and one with only spaces counts as empty', () => {
  const { source } = read(
    {},
    {
      ALICLOUD_ACCESS_KEY: ' ',
      ALICLOUD_SECRET_KEY: '\n',
      ALIBABA_CLOUD_ACCESS_KEY_ID: 'id\n',
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: ' secret\r\n',
    },
  );
  expect(source).toMatchObject({ kind: 'keys', keys: { accessKeyId: 'id', accessKeySecret: 'secret' } });
});

test('a key with stray characters is a problem, and the error does not show it', () => {
  const pasted = ['LTAI abc', 'LTAI\nabc', '"LTAIabc', 'LTAI\u00a0abc', 'LTAI\u200babc'];
  for (const key of pasted) {
    for (const [inputs, env, name] of [
      [{ access_key: key, secret_key: 's' }, {}, 'access_key'],
      [{ access_key: 'id', secret_key: key }, {}, 'secret_key'],
      [{ access_key: 'id', secret_key: 's', security_token: key }, {}, 'security_token'],
      [{}, { ALICLOUD_ACCESS_KEY: 'id', ALICLOUD_SECRET_KEY: key }, 'ALICLOUD_SECRET_KEY'],
      [{}, { ALICLOUD_ACCESS_KEY: 'id', ALICLOUD_SECRET_KEY: 's', SECURITY_TOKEN: key }, 'ALICLOUD_SECURITY_TOKEN'],
    ] as const) {
      vi.unstubAllEnvs();
      expect(read({ ...inputs }, { ...env }).problems).toEqual([
        `${name} contains a space, a line break, a quotation mark or a non-ASCII character. Copy it again.`,
      ]);
    }
  }
});

test('a token is used only with the keys of the same place', () => {
  const own = { ALIBABA_CLOUD_ACCESS_KEY_ID: 'id', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 's' };
  const { source } = read({}, { ...own, SECURITY_TOKEN: 'another' });
  expect(source).toMatchObject({ keys: { accessKeyId: 'id', accessKeySecret: 's' } });
  expect(source).not.toHaveProperty('keys.securityToken');
  expect(read({}, { ...own, ALICLOUD_SECURITY_TOKEN: 'another' }).problems).toEqual([
    'Incomplete credentials: no value for ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, but one for ALICLOUD_SECURITY_TOKEN. Does the secret exist?',
  ]);
});

test('passwords of proxies are secrets, encoded and decoded', () => {
  const secrets = (url: string) => knownSecrets({ https_proxy: url });
  expect(secrets('http://us%40er:p%40ss@proxy:3128')).toEqual(['p%40ss', 'p@ss']);
  expect(secrets('http://token@proxy:3128')).toEqual(['token', 'token']);
  expect(secrets('http://u:100%@proxy')).toEqual(['100%', '100%']);
  expect(secrets('http://proxy:3128')).toEqual([]);
});
