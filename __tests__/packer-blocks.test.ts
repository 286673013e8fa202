import { afterEach, describe, expect, test, vi } from 'vitest';
import { readCaller } from '../src/action/caller.ts';
import { Fields } from '../src/action/fields.ts';
import { readInputs } from '../src/action/inputs.ts';
import { INPUTS } from './support/scene.ts';

const GOOD = { ...INPUTS, access_key: 'id', secret_key: 'secret' };

async function read(inputs: Record<string, string>) {
  for (const [name, value] of Object.entries({ ...GOOD, ...inputs })) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  const fields = new Fields();
  const { request, warnings } = readInputs(fields, await readCaller(fields, {}), {});
  return { request, warnings, problems: fields.problems };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a list is read the same', () => {
  test.each([
    'cn-shanghai, cn-hangzhou',
    'cn-shanghai\ncn-hangzhou\n',
    '"cn-shanghai", "cn-hangzhou"',
    '["cn-shanghai", "cn-hangzhou"]',
    '["cn-shanghai","cn-hangzhou"]',
    '[\n  "cn-shanghai",\n  # and a comment\n  "cn-hangzhou",\n]',
    '[\n  "cn-shanghai", // the first\n  "cn-hangzhou" # the second\n]',
    '/* both */ ["cn-shanghai", /* not "cn-beijing", */ "cn-hangzhou"]',
    '"cn-shanghai",\n"cn-hangzhou", # and a comma at the end',
  ])('as %j', async (value) => {
    const { request, problems } = await read({ image_copy_regions: value });
    expect(problems).toEqual([]);
    expect(request.distribution.copies.map(({ region }) => region)).toEqual(['cn-shanghai', 'cn-hangzhou']);
  });

  test.each(['[]', '', '[ ]'])('and %j is empty', async (value) => {
    expect(await read({ image_copy_regions: value })).toMatchObject({
      problems: [],
      request: { distribution: { copies: [] } },
    });
  });

  test.each([
    '["cn-shanghai" "cn-hangzhou"]',
    '["cn-shanghai"',
    '[cn-shanghai; cn-hangzhou]',
    '["cn-shanghai", ["cn-hangzhou"]]',
    '["cn-shanghai]',
  ])('and %j is refused', async (value) => {
    expect((await read({ image_copy_regions: value })).problems.join()).toContain('is not a region ID');
  });

  test('numbers need no quotation marks, and paths keep their commas', async () => {
    const { request, problems } = await read({
      image_share_account: '[1234567890123456, "6543210987654321"]',
      data_disk_paths: '["a, b.raw", "disk-[12].raw"]',
    });
    expect(problems).toEqual([]);
    expect(request.distribution.accounts).toEqual(['1234567890123456', '6543210987654321']);
    expect(request.dataDisks).toEqual(['a, b.raw', 'disk-[12].raw']);
  });
});

describe('tags are read the same', () => {
  test.each([
    'team=platform\nstage=a b',
    'team = platform\nstage = "a b"',
    'team = "platform"\nstage = "a b"',
    'team = "platform", stage = "a b"',
    '{ team = "platform", stage = "a b" }',
    '{\n  team  = "platform"\n  stage = "a b"\n}',
    '{\n  # who pays\n  "team" = "platform",\n  "stage" = "a b",\n}',
    '{"team": "platform", "stage": "a b"}',
    'team = "platform" # who pays\nstage = "a b" // who builds',
    'team: "platform"\nstage: "a b"',
    '/* copied */ {\n  team = "platform" /* , stage = "c" */\n  stage : "a b"\n}',
    '{ team = <<EOF\nplatform\nEOF\n  stage = <<-EOF\n    a b\n    EOF\n}',
  ])('as %j', async (value) => {
    const { request, problems } = await read({ tags: value });
    expect(problems).toEqual([]);
    expect(request.image.tags).toEqual({ team: 'platform', stage: 'a b' });
  });

  test.each<[string, Record<string, string>]>([
    ['note=a=b, c=d', { note: 'a=b, c=d' }],
    ['url=//a:80', { url: '//a:80' }],
    ['{ count = 3, on = true }', { count: '3', on: 'true' }],
    [String.raw`{ quote = "a \"b\" \\ c" }`, { quote: String.raw`a "b" \ c` }],
    ['empty = ""', { empty: '' }],
    ['team = "platform",\ncount = 3,', { team: 'platform', count: '3' }],
    ['{ list = "a, b = {c}: # d // e /* f */" }', { list: 'a, b = {c}: # d // e /* f */' }],
    ['{ a = "{ b = \\"c\\" }" }', { a: '{ b = "c" }' }],
    ['{ host = "var.lib" }', { host: 'var.lib' }],
    ['color=#fff\nnote=a # b', { color: '#fff', note: 'a # b' }],
    ['path=a//b\njson={"a":1}', { path: 'a//b', json: '{"a":1}' }],
    ['{}', {}],
  ])('%j', async (value, tags) => {
    expect(await read({ tags: value })).toMatchObject({ problems: [], request: { image: { tags } } });
  });
});

test.each([
  'team = "platform',
  'team = "a" b',
  'note = a b, "c"\nteam = "x" = "y"',
  '{ team = "a"',
  '{ a = ["b"] }',
  '["a"]',
])('tags %j are refused and not sent with quotation marks or braces', async (tags) => {
  const { problems } = await read({ tags });
  expect(problems).not.toEqual([]);
  for (const problem of problems) expect(problem).toMatch(/^tags ".*" is not a tag key=value: /s);
});

test('a single value may be quoted as in HCL, and have a comment', async () => {
  const { request, problems } = await read({
    image_name: '"packer_import"',
    image_system_size: '"40"',
    image_force_delete: '"true" # replace it',
    format: '"raw"',
    image_description: '<<-EOF\n    Built by "Packer",\n      every night\n    EOF',
    oss_key_name: String.raw`"a\u0062c.raw"`,
    path: '"disk.raw"',
  });
  expect(problems).toEqual([]);
  expect(request).toMatchObject({
    path: 'disk.raw',
    key: 'abc.raw',
    format: 'RAW',
    forceDelete: true,
    image: { name: 'packer_import', systemSize: 40, description: 'Built by "Packer",\n  every night' },
  });
  const { request: other } = await read({ image_description: '"a" and "b"', oss_key_name: '"c' });
  expect([other.image.description, other.key]).toEqual(['"a" and "b"', '"c']);
});

describe('a template or a function of Packer is answered with what to write', () => {
  test.each([
    ['image_name', 'app-{{timestamp}}', '${{ github.run_id }}'],
    ['image_name', 'app-{{isotime "2006"}}', 'runs date'],
    ['image_name', 'app-${local.timestamp}', '${{ github.run_id }}'],
    ['image_name', '${local.name}', '${{ vars.<name> }}'],
    ['oss_bucket_name', '{{user `bucket`}}', '${{ vars.<name> }}'],
    ['region', '${var.region}', '${{ vars.<name> }}'],
    ['path', '{{ build `Path` }}', 'the step that runs Packer'],
    ['image_description', 'by {{env `USER`}}', '${{ env.<name> }}'],
    ['image_system_size', '${local.size}', '${{ inputs.<name> }}'],
    ['skip_clean', '{{ template_dir }}', '${{ <expression> }}'],
    ['tags', 'team = "${var.team}"', '${{ vars.<name> }}'],
    ['image_copy_regions', '["${var.region}"]', '${{ vars.<name> }}'],
    ['image_name', 'local.image_name', '${{ vars.<name> }}'],
    ['region', 'var.region', '${{ vars.<name> }}'],
    ['image_share_account', '[var.account, "1234567890123456"]', '${{ vars.<name> }}'],
    ['tags', '{ team = var.team, stage = local.stage }', '${{ vars.<name> }}'],
    ['tags', 'team = var.team', '${{ vars.<name> }}'],
    ['image_description', '%{ if true }a%{ endif }', '${{ <expression> }}'],
    ['image_name', '{{.BuildName}}', 'the step that runs Packer'],
    ['image_name', 'lower("App")', '${{ <expression> }}'],
    ['image_name', 'timestamp()', '${{ github.run_id }}'],
    ['image_name', 'join("-", ["app", uuidv4()])', '${{ github.run_id }}'],
    ['region', 'coalesce(var.region, "cn-beijing")', '${{ vars.<name> }}'],
    ['image_copy_regions', 'concat(["cn-shanghai"], ["cn-hangzhou"])', '${{ <expression> }}'],
    ['tags', 'team = upper("a")', '${{ <expression> }}'],
  ])('%s: %s', async (name, value, instead) => {
    const { problems } = await read({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} contains the Packer expression `));
    expect(problems[0]).toContain(instead);
  });
});

test('a file can be called local.raw or build(1), and a matrix can hold anything', async () => {
  const { request, problems } = await read({
    path: 'local.raw',
    data_disk_paths: 'var.qcow2\nbuild(1)',
    image_description: '"lower(\\"x\\")"',
    job_matrix: '{"command": "echo {{.Names}} ${x}"}',
  });
  expect(problems).toEqual([]);
  expect(request).toMatchObject({
    path: 'local.raw',
    dataDisks: ['var.qcow2', 'build(1)'],
    workflow: { matrix: '{"command": "echo {{.Names}} ${x}"}' },
  });
});

test('each Packer option without effect gets one warning', async () => {
  const names = [
    ...['skip_region_validation', 'skip_image_validation', 'image_unshare_account'],
    ...['image_version', 'image_ignore_data_disks', 'image_force_delete_instances'],
  ];
  const { problems, warnings } = await read(Object.fromEntries(names.map((name) => [name, 'true'])));
  expect(problems).toEqual([]);
  expect(warnings.map((line) => line.split(' ')[0])).toEqual(names);
  for (const line of warnings) expect(line).toMatch(/ has no effect: .+\.$/);
});

test('the documented block of Packer becomes the request of the README', async () => {
  // https://developer.hashicorp.com/packer/integrations/hashicorp/alicloud/latest/components/post-processor/alicloud-import
  const { request, problems, warnings } = await read({
    region: 'cn-beijing',
    oss_bucket_name: 'packer',
    image_name: 'packer_import',
    image_os_type: 'linux',
    image_platform: 'CentOS',
    image_architecture: 'x86_64',
    image_system_size: '40',
  });
  expect([problems, warnings]).toEqual([[], []]);
  expect(request).toMatchObject({
    region: 'cn-beijing',
    bucket: 'packer',
    image: { systemSize: 40, platform: 'CentOS' },
  });
});
