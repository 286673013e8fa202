import { afterEach, describe, expect, test, vi } from 'vitest';
import { readInputs } from '../src/action/inputs.ts';
import { INPUTS } from './support/scene.ts';

const GOOD = { ...INPUTS, access_key: 'id', secret_key: 'secret' };

function read(inputs: Record<string, string>) {
  for (const [name, value] of Object.entries({ ...GOOD, ...inputs })) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  return readInputs({});
}

const problems = (name: string, value: string): string[] => read({ [name]: value }).problems;

afterEach(() => {
  vi.unstubAllEnvs();
});

test('what is good has no problem and no warning', () => {
  expect(read({})).toMatchObject({ problems: [], warnings: [] });
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
  ...['skip_clean', 'image_force_delete', 'keep_input_artifact'].map((name): [string, string[], string[]] => [
    name,
    ['true', 'True', 'TRUE', 'false', 'False', 'FALSE', ''],
    ['yes', 'no', 'on', '1', '0', 'tRUE', 'truee'],
  ]),
  ...['ecs', 'oss', 'ram', 'sts'].map((service): [string, string[], string[]] => [
    `custom_endpoint_${service}`,
    ['a.example.com', 'https://a.example.com', 'https://a.example.com/', 'A.example.com:8443', ''],
    ['http://a.example.com', 'a.example.com/x', 'a b', 'https://u:p@a', '-a.example.com', 'a.example.com?x', 'a..b'],
  ]),
])('%s', (name, good, bad) => {
  test.each(good)('takes %j', (value) => {
    expect(problems(name, value)).toEqual([]);
  });
  test.each(bad)('refuses %j in its own words', (value) => {
    const found = problems(name, value);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${name} ${JSON.stringify(value).startsWith('"') ? '"' : ''}`);
  });
});

test('values mean what they say', () => {
  const { request } = read({
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
