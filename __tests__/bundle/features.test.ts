import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import { annotations, quickScene } from '../support/quick.ts';
import { openScene, pseudoRandom, requests, writeDisk, type Scene } from '../support/scene.ts';

const QUICK = { speed: 60, importSeconds: 5, copySeconds: 5 };
/** Parameters that depend on the mark or the content of the image, or differ in every call. */
const VOLATILE = /^(Signature\w*|Timestamp|ClientToken|AccessKeyId|DiskDeviceMapping\.1\.OSSObject|Tag\.[12]\.Value)$/;

/** The parameters of ImportImage in a dry run with these inputs, without the volatile ones. */
async function asked(scene: Scene, inputs: Record<string, string>): Promise<Record<string, string>> {
  const main = await scene.main({ dry_run: 'true', ...inputs });
  expect(main.log).not.toContain('##[error]');
  const params = requests(scene, 'ecs:ImportImage DryRun').at(-1)?.params ?? {};
  return Object.fromEntries(Object.entries(params).filter(([name]) => !VOLATILE.test(name)));
}

test('each image input changes exactly its own parameters of ImportImage', async () => {
  const scene = await openScene(QUICK);
  const plain = await asked(scene, {});
  const cases: [inputs: Record<string, string>, params: Record<string, string>][] = [
    [{ resource_group_id: 'rg-abc123' }, { ResourceGroupId: 'rg-abc123' }],
    [{ boot_mode: 'uefi' }, { BootMode: 'UEFI' }],
    [{ boot_mode: 'BIOS' }, { BootMode: 'BIOS' }],
    [{ boot_mode: 'UEFI-Preferred' }, { BootMode: 'UEFI' }],
    [{ image_architecture: 'arm64' }, { Architecture: 'arm64', BootMode: 'UEFI' }],
    [
      { image_os_type: 'windows', image_platform: 'Windows Server 2022', license_type: 'BYOL' },
      { OSType: 'windows', Platform: 'Windows Server 2022', LicenseType: 'BYOL' },
    ],
    [{ detection_strategy: 'Standard' }, { DetectionStrategy: 'Standard' }],
    [{ nvme_support: 'supported' }, { 'Features.NvmeSupport': 'supported' }],
    [{ imds_support: 'v2' }, { 'Features.ImdsSupport': 'v2' }],
    [
      { tags: 'team=platform\nstage = a=b' },
      { 'Tag.4.Key': 'team', 'Tag.4.Value': 'platform', 'Tag.5.Key': 'stage', 'Tag.5.Value': 'a=b' },
    ],
    // Copies, sharing and families are separate calls.
    [{ image_share_account: '1234567890123456', target_image_family: 'base', image_copy_regions: 'cn-hangzhou' }, {}],
  ];
  for (const [inputs, params] of cases) {
    expect(await asked(scene, inputs), JSON.stringify(inputs)).toEqual({ ...plain, ...params });
  }
});

test('family and boot mode are set on the finished image and on its copy', async () => {
  const scene = await openScene(QUICK);
  const inputs = {
    target_image_family: 'base',
    boot_mode: 'UEFI-Preferred',
    image_copy_regions: 'cn-hangzhou',
    image_copy_names: 'far',
  };
  const main = await scene.main(inputs);
  expect(main.log).not.toContain('##[error]');
  const made = scene.simulator.world.images.map(({ name, region, family, bootMode }) => [
    name,
    region,
    family,
    bootMode,
  ]);
  expect(made).toEqual([
    ['packer_import', 'cn-beijing', 'base', 'UEFI-Preferred'],
    ['far', 'cn-hangzhou', 'base', 'UEFI-Preferred'],
  ]);
});

test('data disks are uploaded under their own keys and imported, and nothing is left', async () => {
  const scene = await openScene(QUICK);
  const { world } = scene.simulator;
  const file = `${scene.job.workspace}/data.raw`;
  await writeDisk(file, 4 * 1024 ** 2, [[0, pseudoRandom(300_000, 9)]]);
  const main = await scene.main({ data_disk_paths: 'data.raw' });
  expect(main.log).not.toContain('##[error]');
  expect(world.images[0]?.disks.map(({ object, bytes }) => [object.split('/').at(-1), bytes])).toEqual([
    ['disk.raw', 24 * 1024 ** 2 + 512],
    ['disk-2.raw', 4 * 1024 ** 2],
  ]);
  expect(world.bucket('packer')?.objects.size).toBe(0);
  expect(world.bucket('packer')?.uploads.size).toBe(0);
});

test.each<[string, Fault[]]>([
  ['', []],
  [
    ', even if the answer to DeleteImage is lost',
    [{ operation: 'ecs:DeleteImage', kind: 'reset', when: 'after', nth: 1 }],
  ],
])('the snapshots of a replaced image are deleted if requested%s', async (_, faults) => {
  const scene = await openScene(QUICK);
  const { world } = scene.simulator;
  await scene.main();
  const first = world.snapshots.map(({ id }) => id);
  scene.simulator.faults.push(...faults);
  const main = await scene.main(
    { image_force_delete: 'true', image_force_delete_snapshots: 'true' },
    { env: { GITHUB_RUN_ID: '7' } },
  );
  expect(main.log).not.toContain('##[error]');
  expect(first).toHaveLength(1);
  expect(world.snapshots.map(({ id }) => id)).not.toContain(first[0]);
  expect(world.snapshots).toHaveLength(1);
});

test('without credentials, a dry run checks file and inputs, and sends nothing', async () => {
  const scene = await openScene({ ...QUICK, env: { ALICLOUD_ACCESS_KEY: '', ALICLOUD_SECRET_KEY: '' } });
  const good = await scene.main({ dry_run: 'true' });
  expect(good.log).not.toContain('##[error]');
  const bad = await scene.main({ dry_run: 'true', image_name: '1', format: 'VHD' });
  expect(bad.log).toContain('##[error]');
  expect(scene.simulator.record).toEqual([]);
});

test.each(['InProgress', 'Locked', 'Expired'] as const)('a retention policy that is %s', async (state) => {
  const scene = await quickScene();
  const [bucket] = scene.simulator.world.buckets;
  if (bucket) bucket.worm = { state, days: 30 };
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  const post = await scene.post();
  const warnings = [main, post].map((stage) => annotations(stage, 'warning'));
  if (state === 'Expired') {
    expect(warnings).toEqual([[], []]);
    return;
  }
  expect(warnings[0]).toEqual([
    'The bucket packer has a retention policy: the staged object cannot be deleted for 30 days, and is billed.',
  ]);
  // The object cannot be deleted, and post has the command that deletes it later.
  expect(warnings[1]?.join()).toContain('ossutil rm oss://packer/alicloud-import/');
});
