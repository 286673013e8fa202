import { expect, test } from 'vitest';
import type { RecordedRequest } from '../../simulator/index.ts';
import { mainAndPost, testCloud } from '../support/jobs.ts';
import { annotations } from '../support/quick.ts';
import { openScene, requests, writeDisk } from '../support/scene.ts';

const QUICK = { speed: 100, importSeconds: 5, copySeconds: 5 };
const ACCOUNTS = Array.from({ length: 12 }, (_, n) => String(1_000_000_000_000_001 + n));

test('shares the image with twelve accounts and reads the list back', async () => {
  const scene = await openScene(QUICK);
  for (const id of ACCOUNTS) scene.simulator.world.addAccount({ id });
  const main = await scene.main({ image_share_account: ACCOUNTS.join('\n') });
  expect(main.log).not.toContain('##[error]');
  expect(new Set(scene.simulator.world.images[0]?.sharedWith)).toEqual(new Set(ACCOUNTS));
  expect(requests(scene, 'ecs:ModifyImageSharePermission')).toHaveLength(2);
});

test('when one of three copies fails, the others are output, and the next attempt makes only the missing one', async () => {
  const scene = await openScene(QUICK);
  const { world, faults, account } = scene.simulator;
  const blocker = world.addImage(account, 'taken', { region: 'cn-shanghai', usedByInstance: true });
  faults.push({
    operation: 'ecs:CopyImage',
    nth: 2,
    kind: 'error',
    status: 403,
    code: 'QuotaExceed.Image',
    message: 'full',
  });
  const inputs = { image_copy_regions: 'cn-hangzhou, cn-shanghai, cn-shenzhen' };
  const main = await scene.main(inputs);
  expect(main.conclusion).toBe('failure');
  const ids = JSON.parse(main.outputs.image_ids ?? '') as Record<string, string>;
  expect(Object.keys(ids)).toEqual(['cn-beijing', 'cn-hangzhou', 'cn-shenzhen']);
  expect(main.log.match(/##\[error\]/g)).toHaveLength(1);
  expect(main.log).toContain('QuotaExceed.Image');
  await scene.post(inputs);
  const before = world.images.length;
  const again = await scene.main(inputs, { env: { GITHUB_RUN_ATTEMPT: '2' } });
  expect(again.log).not.toContain('##[error]');
  expect(world.images.length).toBe(before + 1);
  expect(Object.keys(JSON.parse(again.outputs.image_ids ?? '') as object).sort()).toEqual([
    'cn-beijing',
    'cn-hangzhou',
    'cn-shanghai',
    'cn-shenzhen',
  ]);
  expect(requests(scene, 'ecs:ImportImage')).toHaveLength(1);
  expect(world.bucket('packer')?.objects.size).toBe(0);
  expect(world.images).toContain(blocker);
});

test('an encrypted image gets the name, and the plain one and its snapshots are deleted', async () => {
  const scene = await openScene(QUICK);
  const { world } = scene.simulator;
  const main = await scene.main({ image_encrypted: 'true', kms_key_id: 'key-12345678' });
  expect(main.log).not.toContain('##[error]');
  expect(world.images.map(({ name, encrypted, id }) => [name, encrypted, id])).toEqual([
    ['packer_import', true, main.outputs.image_id],
  ]);
  expect(world.snapshots).toHaveLength(1);
});

test('a VHD with copies is refused before anything is sent', async () => {
  const scene = await openScene({ ...QUICK, write: (path) => writeFixedVhd(path) });
  const main = await scene.main({ path: 'disk.raw', image_copy_regions: 'cn-hangzhou', image_system_size: '' });
  expect(main.log).toContain('cannot copy or encrypt an image made from a VHD');
  expect(scene.simulator.record).toEqual([]);
});

test('a dry run changes nothing and logs what would happen', async () => {
  const scene = await openScene(QUICK);
  const main = await scene.main({
    dry_run: 'true',
    oss_bucket_name: 'not-there-yet',
    image_copy_regions: 'cn-hangzhou',
  });
  expect(main.log).not.toContain('##[error]');
  expect(main.log).toContain('Would create the bucket not-there-yet.');
  const asked = scene.simulator.record.map(({ operation }) => operation);
  expect(asked.filter((one) => !/:(Get|Describe|List|Head)|DryRun$/.test(one))).toEqual([]);
  expect(main.summary).toContain('nothing was changed');
});

test.each([
  ['', {}],
  [", whatever is under the user's key", { oss_key_name: 'images/disk.raw', skip_clean: 'true' }],
])('an image with the same content is reused, one with other content is not%s', async (_, kept) => {
  const scene = await openScene(QUICK);
  const inputs = { reuse_identical_image: 'true', ...kept };
  const first = await scene.main(inputs);
  const second = await scene.main(inputs, { env: { GITHUB_RUN_ID: '4343' } });
  expect(second.log).not.toContain('##[error]');
  expect(second.outputs.image_id).toBe(first.outputs.image_id);
  expect(requests(scene, 'ecs:ImportImage')).toHaveLength(1);
});

/** A fixed VHD of 4 MiB: data, then a footer as in the specification. */
async function writeFixedVhd(path: string): Promise<void> {
  const size = 4 * 1024 ** 2;
  const footer = Buffer.alloc(512);
  footer.write('conectix');
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x10000, 12);
  footer.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, 16);
  footer.writeBigUInt64BE(BigInt(size), 40);
  footer.writeBigUInt64BE(BigInt(size), 48);
  footer.writeUInt16BE(120, 56);
  footer.writeUInt8(4, 58);
  footer.writeUInt8(17, 59);
  footer.writeUInt32BE(2, 60);
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
  await writeDisk(path, size + 512, [[size, footer]]);
}

const ENCRYPTED = { image_encrypted: 'true' };
/** Simulated seconds: longer than anything here takes. */
const FOREVER = 3_600;

test.each([
  ['an import, and a copy is wanted now', {}, ENCRYPTED, 'ecs:ImportImage'],
  ['a copy, and an import is wanted now', ENCRYPTED, {}, 'ecs:CopyImage'],
])('what an earlier attempt was making is cancelled as what it is: %s', async (_, first, second, killedAfter) => {
  const cloud = await testCloud({ copySeconds: FOREVER });
  const { durations } = cloud.world;
  if (killedAfter === 'ecs:ImportImage') durations.importSeconds = FOREVER;
  const job = await cloud.addJob();
  const isMade = ({ operation, params }: RecordedRequest) => operation === killedAfter && params?.DryRun !== 'true';
  await job.main(first, { endAfter: isMade, kill: 'SIGKILL' });
  expect(cloud.holders()).toMatchObject([{ status: 'Creating' }]);
  Object.assign(durations, { importSeconds: 5, copySeconds: 5 });
  const again = await mainAndPost(job, second, { attempt: 2 });
  expect(again.conclusion, again.log).toBe('success');
  expect(cloud.holders()).toMatchObject([{ id: again.outputs.image_id, encrypted: second === ENCRYPTED }]);
  expect(cloud.left()).toEqual([]);
});

test('cancelled while the encrypted copy is being made: post ends the copy, then removes the plain image', async () => {
  const cloud = await testCloud({ copySeconds: FOREVER });
  const job = await cloud.addJob();
  await job.main(ENCRYPTED, { endAfter: ({ operation }) => operation === 'ecs:CopyImage' });
  const post = await job.post(ENCRYPTED);
  expect(annotations(post, 'warning')).toEqual([]);
  expect(cloud.world.images).toEqual([]);
  expect(cloud.left()).toEqual([]);
});
