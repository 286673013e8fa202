import { afterEach, describe, expect, test, vi } from 'vitest';
import { readInputs } from '../src/action/inputs.ts';
import { INPUTS } from './support/scene.ts';

const GOOD = { ...INPUTS, access_key: 'id', secret_key: 'secret' };

function read(inputs: Record<string, string>) {
  for (const [name, value] of Object.entries({ ...GOOD, ...inputs })) vi.stubEnv(`INPUT_${name.toUpperCase()}`, value);
  return readInputs({});
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a list means the same', () => {
  test.each([
    'cn-shanghai, cn-hangzhou',
    'cn-shanghai\ncn-hangzhou\n',
    '"cn-shanghai", "cn-hangzhou"',
    '["cn-shanghai", "cn-hangzhou"]',
    '["cn-shanghai","cn-hangzhou"]',
    '[\n  "cn-shanghai",\n  # and a comment\n  "cn-hangzhou",\n]',
  ])('as %j', (value) => {
    const { request, problems } = read({ image_copy_regions: value });
    expect(problems).toEqual([]);
    expect(request.distribution.copies.map(({ region }) => region)).toEqual(['cn-shanghai', 'cn-hangzhou']);
  });

  test.each(['[]', '', '[ ]'])('and %j is empty', (value) => {
    expect(read({ image_copy_regions: value })).toMatchObject({
      problems: [],
      request: { distribution: { copies: [] } },
    });
  });

  test.each(['["cn-shanghai" "cn-hangzhou"]', '["cn-shanghai"', '[cn-shanghai; cn-hangzhou]'])(
    'and %j is refused',
    (value) => {
      expect(read({ image_copy_regions: value }).problems.join()).toContain('is not a list of region ids');
    },
  );

  test('numbers need no quotation marks, and paths keep their commas', () => {
    const { request, problems } = read({
      image_share_account: '[1234567890123456, "6543210987654321"]',
      data_disk_paths: '["a, b.raw", "disk-[12].raw"]',
    });
    expect(problems).toEqual([]);
    expect(request.distribution.accounts).toEqual(['1234567890123456', '6543210987654321']);
    expect(request.dataDisks).toEqual(['a, b.raw', 'disk-[12].raw']);
  });
});

describe('tags mean the same', () => {
  test.each([
    'team=platform\nstage=a b',
    'team = platform\nstage = "a b"',
    'team = "platform"\nstage = "a b"',
    'team = "platform", stage = "a b"',
    '{ team = "platform", stage = "a b" }',
    '{\n  team  = "platform"\n  stage = "a b"\n}',
    '{\n  # who pays\n  "team" = "platform",\n  "stage" = "a b",\n}',
    '{"team": "platform", "stage": "a b"}',
  ])('as %j', (value) => {
    const { request, problems } = read({ tags: value });
    expect(problems).toEqual([]);
    expect(request.image.tags).toEqual({ team: 'platform', stage: 'a b' });
  });

  test.each<[string, Record<string, string>]>([
    ['note=a=b, c=d', { note: 'a=b, c=d' }],
    ['url=//a:80', { url: '//a:80' }],
    ['{ count = 3, on = true }', { count: '3', on: 'true' }],
    [String.raw`{ quote = "a \"b\" \\ c" }`, { quote: String.raw`a "b" \ c` }],
    ['empty = ""', { empty: '' }],
  ])('%j', (value, tags) => {
    expect(read({ tags: value })).toMatchObject({ problems: [], request: { image: { tags } } });
  });
});

describe('a template of Packer is answered with what to write', () => {
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
  ])('%s: %s', (name, value, instead) => {
    const { problems } = read({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} holds the Packer template `));
    expect(problems[0]).toContain(instead);
  });
});

test('what Packer accepts and this action has no use for gets one warning each', () => {
  const names = [
    'skip_region_validation',
    'skip_image_validation',
    'image_unshare_account',
    'image_version',
    'image_ignore_data_disks',
    'image_force_delete_instances',
  ];
  const { problems, warnings } = read(Object.fromEntries(names.map((name) => [name, 'true'])));
  expect(problems).toEqual([]);
  expect(warnings.map((line) => line.split(' ')[0])).toEqual(names);
  for (const line of warnings) expect(line).toMatch(/ has no effect: .+\.$/);
});

test('the documented block of Packer is the request of the README', () => {
  // https://developer.hashicorp.com/packer/integrations/hashicorp/alicloud/latest/components/post-processor/alicloud-import
  const { request, problems, warnings } = read({
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

test('arm64 does not boot with BIOS', () => {
  expect(read({ image_architecture: 'arm64', boot_mode: 'BIOS' }).problems).toEqual([
    'boot_mode is BIOS, but arm64 images boot only with UEFI: leave boot_mode empty.',
  ]);
  expect(read({ image_architecture: 'arm64', boot_mode: 'UEFI' }).problems).toEqual([]);
});
