import { existsSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { RecordedRequest } from '../../simulator/index.ts';
import { endImports, isImport, mainAndPost, NAME, testCloud, testCloudWithOld } from '../support/jobs.ts';
import { annotations, theError } from '../support/quick.ts';

const AGAIN = { attempt: 2 };
const ENCRYPTED = { image_encrypted: 'true' };
const FORCE = { image_force_delete: 'true' };
/** In simulated seconds: longer than anything in these tests. */
const FOREVER = 3_600;

const isCopy = ({ operation, code }: RecordedRequest) => operation === 'ecs:CopyImage' && code === undefined;

test.each([
  ['is encrypted', {}, isImport, ENCRYPTED, true],
  ['is no longer encrypted', ENCRYPTED, isCopy, {}, undefined],
])('an attempt whose image %s cancels what a killed one was making', async (_, first, endAfter, second, encrypted) => {
  const { addJob, world, holders, left } = await testCloud({ importSeconds: 8, copySeconds: FOREVER });
  const job = await addJob();
  if (first === ENCRYPTED) world.durations.importSeconds = 8;
  else world.durations.importSeconds = FOREVER;
  await job.main(first, { endAfter, kill: 'SIGKILL' });
  const [dead] = holders();
  expect(dead?.status).toBe('Creating');
  Object.assign(world.durations, { importSeconds: 8, copySeconds: 8 });
  const main = await mainAndPost(job, second, AGAIN);
  expect(main.conclusion, main.log).toBe('success');
  expect(holders()).toMatchObject([{ id: main.outputs.image_id, status: 'Available' }]);
  expect(holders()[0]?.id).not.toBe(dead?.id);
  expect(Boolean(holders()[0]?.encrypted)).toBe(Boolean(encrypted));
  expect(left()).toEqual([]);
});

test('a job that is cancelled while it encrypts cancels the copy before it deletes the image behind it', async () => {
  const { addJob, world, left } = await testCloud({ copySeconds: FOREVER });
  const job = await addJob();
  await job.main(ENCRYPTED, { endAfter: isCopy });
  const post = await job.post(ENCRYPTED);
  expect(annotations(post, 'warning')).toEqual([]);
  const undone = job.requests().map(({ operation }) => operation);
  expect(undone.indexOf('ecs:CancelCopyImage')).toBeGreaterThan(-1);
  expect(undone.indexOf('ecs:CancelCopyImage')).toBeLessThan(undone.indexOf('ecs:DeleteImage'));
  expect(world.images).toEqual([]);
  expect(left()).toEqual([]);
});

test('without image_force_delete a second attempt is refused, and a third one with it adopts the image of the first', async () => {
  const opened = await testCloudWithOld({ importSeconds: FOREVER });
  const { addJob, world, holders, left, old } = opened;
  const job = await addJob();
  await job.main(FORCE, { endAfter: isImport, kill: 'SIGKILL' });
  const made = world.images.find(({ id }) => id !== old.id);
  const before = left();
  const second = await mainAndPost(job, {}, AGAIN);
  expect(theError(second)).toContain('InvalidImageName.Duplicated');
  expect(holders()).toEqual([old]);
  expect(left()).toEqual(before);

  endImports(opened, 5);
  const third = await mainAndPost(job, FORCE, { attempt: 3 });
  expect(third.conclusion, third.log).toBe('success');
  expect(third.outputs).toMatchObject({ image_id: made?.id, replaced_image_id: old.id });
  expect(holders()).toMatchObject([{ id: made?.id }]);
  expect(left()).toEqual([]);
});

test.each(['', 'first', '12345678901'])(
  'a runner that numbers attempts "%s" gives a mark that can be read',
  async (attempt) => {
    const { addJob, holders, left } = await testCloud();
    const job = await addJob();
    const env = { GITHUB_RUN_ATTEMPT: attempt };
    const main = await job.main({}, { env });
    expect(main.conclusion, main.log).toBe('success');
    expect(holders()[0]?.tags['alicloud-import']).toMatch(/^[0-9a-f]{16}\.1\.[0-9a-f]{8}$/);
    expect((await job.post({}, { env })).log).toContain('Nothing to clean up');
    expect(left()).toEqual([]);
  },
);

test('with keep_input_artifact: false, a file that changed while it was imported is not deleted', async () => {
  const { addJob, after } = await testCloud();
  const job = await addJob();
  after.add(async (request) => {
    if (isImport(request)) await utimes(job.disk, new Date(), new Date());
  });
  const main = await mainAndPost(job, { keep_input_artifact: 'false' });
  expect(main.conclusion, main.log).toBe('success');
  expect(annotations(main, 'warning')).toEqual([expect.stringContaining('it has changed since it was read')]);
  expect(existsSync(job.disk)).toBe(true);
});

test('an unencrypted image that is finished before another attempt can cancel it is deleted with its snapshots', async () => {
  const opened = await testCloud({ importSeconds: FOREVER });
  const { world, before, addJob } = opened;
  const job = await addJob();
  await job.main(ENCRYPTED, { endAfter: isImport, kill: 'SIGKILL' });
  const [plain] = world.images;
  await job.build(2);
  before.add(async ({ operation }) => {
    if (operation !== 'ecs:CancelTask') return;
    world.durations.importSeconds = 8;
    endImports(opened, 0);
    await expect.poll(() => plain?.status).toBe('Available');
  });
  const again = await mainAndPost(job, ENCRYPTED, AGAIN);
  expect(again.conclusion, again.log).toBe('success');
  expect(world.images).not.toContain(plain);
  expect(world.images.map(({ name }) => name)).toEqual([NAME]);
  expect(world.snapshots).toHaveLength(1);
});
