import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { arrange, BUCKET } from '../support/endings.ts';
import { isImport, testCloud } from '../support/jobs.ts';
import { killAt } from '../support/kill.ts';

const AGAIN = { env: { GITHUB_RUN_ATTEMPT: '2' } };
const OWN_KEY = { title: '', inputs: { oss_key_name: 'images/disk.raw' } };

test("under the user's key, an upload whose id was lost with the answer is reported, and no upload is touched", async () => {
  const arranged = await arrange(OWN_KEY);
  const { scene, watch } = arranged;
  await killAt(arranged, { operation: 'oss:InitiateMultipartUpload', nth: 1 }, 'after');
  expect(watch.left()).toEqual(['upload images/disk.raw']);
  const post = await scene.post();
  const warnings = post.commands.filter(({ command }) => command === 'warning').map(({ message }) => message);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('ossutil api list-multipart-uploads --bucket packer --prefix images/disk.raw');
  expect(watch.left()).toEqual(['upload images/disk.raw']);
  await scene.close();
});

test("under the user's key, a later attempt resumes nothing, and reports unfinished uploads with the command", async () => {
  const arranged = await arrange({ title: '', inputs: { ...OWN_KEY.inputs, skip_clean: 'true' } });
  const { scene } = arranged;
  const uploads = scene.simulator.world.bucket(BUCKET)?.uploads;
  await killAt(arranged, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  const [dead = ''] = [...(uploads?.keys() ?? [])].filter((id) => id.length > 1);
  const main = await scene.main({}, AGAIN);
  expect(main.conclusion, main.log).toBe('success');
  expect(main.log).not.toContain('Resuming');
  expect(main.log).toContain(
    `ossutil api abort-multipart-upload --bucket packer --key images/disk.raw --upload-id ${dead}`,
  );
  expect(uploads?.has(dead)).toBe(true);
  await scene.close();
});

test("under the user's key, data disks that a later attempt has no more are deleted, and nobody else's", async () => {
  const arranged = await arrange(OWN_KEY);
  const { scene, watch } = arranged;
  await scene.simulator.world.putObject(BUCKET, 'images/disk.raw-disk-3.raw', Buffer.from('theirs'));
  Object.assign(scene.inputs, { data_disk_paths: 'disk.raw' });
  await killAt(arranged, { operation: 'ecs:ImportImage', nth: 1 }, 'before');
  expect(watch.left()).toContain('object images/disk.raw-disk-2.raw');
  const main = await scene.main({ data_disk_paths: '' }, AGAIN);
  expect(main.conclusion, main.log).toBe('success');
  expect(watch.left()).toEqual(['object images/disk.raw-disk-3.raw']);
  await scene.close();
});

test("under the key of an earlier attempt, an object that is somebody else's by now is neither imported nor deleted", async () => {
  const arranged = await arrange({ title: '' });
  const { scene, watch } = arranged;
  await killAt(arranged, { operation: 'ecs:ImportImage', nth: 1 }, 'before');
  const [line = ''] = watch.left();
  const key = line.replace('object ', '');
  const theirs = { headers: { 'x-oss-meta-owner': 'somebody' } };
  await scene.simulator.world.putObject(BUCKET, key, await readFile(scene.disk), theirs);
  const main = await scene.main({}, AGAIN);
  expect(main.conclusion, main.log).toBe('success');
  expect(watch.holders()[0]?.disks[0]?.object).not.toBe(key);
  expect(watch.left()).toEqual([line]);
  await scene.close();
});

test('an image of an earlier attempt is not adopted while a foreign object lies under the key that ECS read', async () => {
  const opened = await testCloud();
  const { world, after, addJob, holders } = opened;
  const bucket = world.bucket('packer');
  if (bucket) bucket.versioning = 'Enabled';
  const key = { oss_key_name: 'images/disk.raw' };
  const job = await addJob();
  after.add(async ({ operation }) => {
    if (operation === 'oss:CompleteMultipartUpload')
      await world.putObject('packer', 'images/disk.raw', Buffer.from('other bytes'));
  });
  await job.main(key, { endAfter: isImport, kill: 'SIGKILL' });
  await expect.poll(() => holders().map(({ status }) => status)).toEqual(['Available']);
  const again = await job.main(key, { attempt: 2 });
  expect(again.log).toMatch(/##\[error\][^]*ForeignObject/);
  expect(again.outputs.image_id).toBe('');
});
