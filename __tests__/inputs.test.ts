import { afterEach, describe, expect, test, vi } from 'vitest';
import { readCaller } from '../src/action/caller.ts';
import { Fields } from '../src/action/fields.ts';
import { readInputs } from '../src/action/inputs.ts';
import { file } from './disk/build.ts';
import { INPUTS } from './support/scene.ts';

const GOOD = { ...INPUTS, access_key: 'id', secret_key: 'secret' };

async function read(inputs: Record<string, string>, env: Record<string, string> = {}) {
  for (const [name, value] of Object.entries({ ...GOOD, ...inputs })) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  const fields = new Fields();
  const { request, warnings } = readInputs(fields, await readCaller(fields, env), env);
  return { request, warnings, problems: fields.problems };
}

const problems = async (name: string, value: string) => (await read({ [name]: value })).problems;

afterEach(() => {
  vi.unstubAllEnvs();
});

test('good inputs have no problem and no warning', async () => {
  expect(await read({})).toMatchObject({ problems: [], warnings: [] });
});

describe.each<[string, string[], string[]]>([
  [
    'image_name',
    ['ab', '中文', 'a:b.c_d-e', 'x'.repeat(128), '镜像1', 'Aliyun2'],
    ['a', '1a', '_a', 'a b', 'a/b', 'x'.repeat(129), 'aliyun-x', 'acs:x', 'http://x', 'https://x', 'a😀', 'ab\ncd'],
  ],
  [
    'oss_bucket_name',
    ['abc', '1-2', 'a'.repeat(63)],
    ['ab', 'a'.repeat(64), '-ab', 'ab-', 'Abc', 'a_b', 'a.b', 'abc\nd'],
  ],
  ['region', ['cn-beijing', 'ap-southeast-1', 'cn-beijing-finance-1'], ['beijing', 'CN-Beijing', 'cn-', 'a.b', '../x']],
  ['image_os_type', ['linux', 'Windows'], ['bsd', 'lin ux']],
  ['image_architecture', ['i386', 'X86_64', 'arm64'], ['amd64', 'aarch64']],
  ['format', ['raw', 'Vhd', 'QCOW2', ''], ['qcow', 'vmdk', 'raw,vhd']],
  [
    'oss_key_name',
    ['a', 'a/b c.raw', '中/文', 'a'.repeat(1023), '.a/..b/c.'],
    ['/a', '\\a', 'a\nb', 'a'.repeat(1024), './a', 'a/../b', 'a/.', '..'],
  ],
  ['image_description', ['xy', '', 'x'.repeat(256), '多'.repeat(256)], ['x', 'x'.repeat(257), 'http://x', 'https://x']],
  ['license_type', ['auto', 'Aliyun', 'BYOL', ''], ['none']],
  [
    'tags',
    ['a=b', 'a=', 'a = b=c', 'aliyu=x', 'a=aliyun', '{a=b}', `${'k'.repeat(128)}=${'v'.repeat(128)}`],
    ['a', '=b', 'aliyun=x', 'acs:a=b', 'a=acs:b', 'http://a=b', 'a=see https://b', `${'k'.repeat(129)}=v`, '{ a b }'],
  ],
  ['image_system_size', ['1', '40', '2048', ''], ['0', '-1', '1.5', '2049', '40GB', '1e2', '0x10', '٤']],
  ['timeout_minutes', ['1', '120', '10080', ''], ['0', '10081', '1h', '-5']],
  ['import_role_name', ['AliyunECSImageImportDefaultRole', 'a.b-c', ''], ['a b', 'a/b', 'x'.repeat(65)]],
  ...['skip_clean', 'image_force_delete', 'keep_input_artifact', 'dry_run'].map(
    (name): [string, string[], string[]] => [
      name,
      ['true', 'True', 'TRUE', 'false', 'False', 'FALSE', '', ' true\n'],
      ['yes', 'no', 'on', '1', '0', 'tRUE', 'truee'],
    ],
  ),
  ...['ecs', 'oss', 'ram', 'sts'].map((service): [string, string[], string[]] => [
    `custom_endpoint_${service}`,
    [
      'a.example.com',
      'https://a.example.com',
      'https://a.example.com/',
      'A.example.com:8443',
      ' a.example.com:1\n',
      '',
    ],
    [
      'http://a.example.com',
      'a.example.com/x',
      'a b',
      'https://u:p@a',
      '-a.example.com',
      'a.example.com?x',
      'a..b',
      'a.example.com:99999',
      'a.example.com:',
      'https://',
    ],
  ]),
])('%s', (name, good, bad) => {
  test.each(good)('accepts %j', async (value) => {
    expect(await problems(name, value)).toEqual([]);
  });
  test.each(bad)('refuses %j once, and quotes it', async (value) => {
    const found = await problems(name, value);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${name} ${JSON.stringify(value).startsWith('"') ? '"' : ''}`);
  });
});

test('values are read into the request', async () => {
  const { request } = await read({
    custom_endpoint_oss: 'https://a.example.com/',
    format: 'qcow2',
    image_os_type: 'WINDOWS',
    skip_clean: 'True',
    keep_input_artifact: 'FALSE',
    timeout_minutes: '5',
    image_system_size: '0040',
  });
  expect(request).toMatchObject({
    hosts: { oss: 'a.example.com', ecs: undefined },
    format: 'QCOW2',
    skipClean: true,
    keepInput: false,
    forceDelete: false,
    timeout: 300_000,
    image: { osType: 'windows', systemSize: 40 },
  });
});

test('values are trimmed, and one with only spaces counts as empty', async () => {
  const names = Object.keys(GOOD) as (keyof typeof GOOD)[];
  const padded = Object.fromEntries(names.map((name) => [name, ` \t${GOOD[name]}\r\n`]));
  expect(await read(padded)).toEqual(await read({}));
  const optional = [
    'oss_key_name',
    'image_description',
    'tags',
    'format',
    'timeout_minutes',
    'image_copy_regions',
    'kms_key_id',
  ];
  expect(await read(Object.fromEntries(optional.map((name) => [name, ' \n '])))).toEqual(await read({}));
});

test('a documented platform is sent in its documented spelling, and any other with a warning', async () => {
  for (const [given, sent] of [
    ['centos', 'CentOS'],
    ['UBUNTU', 'Ubuntu'],
    ['windows server 2022', 'Windows Server 2022'],
    ['"Rocky linux"', 'Rocky Linux'],
  ] as const) {
    const { request, problems, warnings } = await read({ image_platform: given });
    expect([request.image.platform, problems, warnings]).toEqual([sent, [], []]);
  }
  const { request, warnings } = await read({ image_platform: 'Plan 9' });
  expect(request.image.platform).toBe('Plan 9');
  expect(warnings).toEqual([
    'image_platform "Plan 9" is not in the documented list. ECS decides whether to accept it.',
  ]);
});

test('the region comes from the input, ALICLOUD_REGION or the profile, and is checked', async () => {
  const profile = (region: string) => ({
    access_key: '',
    secret_key: '',
    profile: 'p',
    shared_credentials_file: file(
      'config.json',
      JSON.stringify({ profiles: [{ name: 'p', access_key_id: 'id', access_key_secret: 's', region_id: region }] }),
    ),
  });
  const regionOf = async (inputs: Record<string, string>, env: Record<string, string> = {}) => {
    const { request, problems } = await read({ ...profile('cn-shanghai'), ...inputs }, env);
    return problems.length > 0 ? problems : request.region;
  };
  expect(await regionOf({ region: 'cn-hangzhou' }, { ALICLOUD_REGION: 'cn-beijing' })).toBe('cn-hangzhou');
  expect(await regionOf({ region: '' }, { ALICLOUD_REGION: ' cn-beijing\n' })).toBe('cn-beijing');
  expect(await regionOf({ region: ' ' }, { ALICLOUD_REGION: ' ' })).toBe('cn-shanghai');
  expect(await regionOf({ region: '' }, { ALICLOUD_REGION: 'Beijing' })).toEqual([
    'ALICLOUD_REGION "Beijing" is not a region id such as cn-beijing.',
  ]);
  expect(await regionOf({ ...profile('evil.example/'), region: '' })).toEqual([
    'region_id of the profile "evil.example/" is not a region id such as cn-beijing.',
  ]);
  expect(await regionOf({ ...profile(''), region: '' })).toEqual([
    'region is missing: the input, ALICLOUD_REGION and the profile are all empty.',
  ]);
  // The region of the profile counts for the copies too.
  expect(await regionOf({ region: '', image_copy_regions: 'cn-shanghai' })).toEqual([
    expect.stringContaining('image_copy_regions'),
  ]);
});

test('arm64 does not boot with BIOS', async () => {
  expect((await read({ image_architecture: 'arm64', boot_mode: 'BIOS' })).problems).toEqual([
    'boot_mode is BIOS, but arm64 images boot only with UEFI: leave boot_mode empty.',
  ]);
  expect((await read({ image_architecture: 'arm64', boot_mode: 'UEFI' })).problems).toEqual([]);
});
