import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { arrange, NAME, type Arranged, type Variant } from '../support/endings.ts';
import { endImports, isImport, mainAndPost, testCloud } from '../support/jobs.ts';
import { killAt } from '../support/kill.ts';

const FORCE = { image_force_delete: 'true' };
const REPLACING: Variant = { title: '', inputs: FORCE, old: true };
const AGAIN = { env: { GITHUB_RUN_ATTEMPT: '2' } };
const OBJECT = expect.stringMatching(/^object alicloud-import\/packer_import\/4242-\S+\/disk\.raw$/) as string;

const count = ({ scene }: Arranged, operation: string) =>
  scene.simulator.record.filter((request) => request.operation === operation).length;
const watched = async (variant: Variant, options = {}) => {
  const arranged = await arrange(variant, options);
  arranged.scene.simulator.after = (request) => {
    arranged.watch.look(request);
  };
  return arranged;
};

test.each([
  ['which is still being imported', 600],
  ['which is Available by then', 180],
])('a wait that timed out keeps image, task and object; a later attempt adopts the image, %s', async (_, seconds) => {
  const arranged = await watched(
    { ...REPLACING, inputs: { ...FORCE, timeout_minutes: '1' } },
    { importSeconds: seconds },
  );
  const { scene, watch, old } = arranged;
  const { simulator } = scene;
  const main = await scene.main();
  const post = await scene.post();
  const [image] = watch.mine().filter(({ id }) => id !== old?.id);
  const [task] = simulator.world.tasks;
  const errors = main.commands.filter(({ command }) => command === 'error');
  expect(errors).toHaveLength(1);
  expect(errors[0]?.message).toContain('WaitTimedOut');
  expect(errors[0]?.message).toContain(image?.id);
  expect(errors[0]?.message).toContain(task?.id);
  expect(errors[0]?.message).toContain('Re-run the job');
  expect(main.outputs).toMatchObject({ image_id: '', task_id: task?.id });
  expect(post.log).not.toContain('##[warning]');
  expect(watch.left()).toEqual(expect.arrayContaining([OBJECT]));
  expect(count(arranged, 'ecs:CancelTask')).toBe(0);

  const uploaded = count(arranged, 'oss:UploadPart');
  if (seconds < 600) await vi.waitUntil(() => image?.status === 'Available', 10_000);
  const again = await scene.main({ timeout_minutes: '60' }, AGAIN);
  expect(again.conclusion, again.log).toBe('success');
  expect(again.outputs.image_id).toBe(image?.id);
  expect(count(arranged, 'oss:UploadPart')).toBe(uploaded);
  expect(count(arranged, 'ecs:ImportImage')).toBe(1);
  expect(watch.holders()).toMatchObject([{ id: image?.id }]);
  expect(watch.left()).toEqual([]);
  expect(watch.seen).toEqual([]);
  await scene.close();
});

test('when a second attempt is killed between the two renames, its post step finishes them', async () => {
  const arranged = await arrange(REPLACING);
  const { scene, watch, old } = arranged;
  const rename = { operation: 'ecs:ModifyImageAttribute', nth: 1 };
  await killAt(arranged, rename, 'after');
  expect(watch.holders()).toEqual([]);
  await killAt(arranged, rename, 'before', AGAIN);
  expect(watch.holders()).toEqual([]);
  const post = await scene.post({}, AGAIN);
  expect(post.log).not.toContain('##[warning]');
  expect(watch.holders()).toMatchObject([{ status: 'Available' }]);
  expect(watch.holders()[0]?.id).not.toBe(old?.id);
  expect(watch.left()).toEqual([]);
  await scene.close();
});

test('an import that fails in ECS ends the step at the next query, with the reason that ECS gives', async () => {
  const arranged = await watched(REPLACING, { importSeconds: 100 });
  const { scene, watch, old } = arranged;
  const { simulator } = scene;
  simulator.world.nextImportFails = {
    code: 'InvalidImageFormat.Malformed',
    message: 'The image has no kernel.',
    at: 0.5,
  };
  const main = await scene.main();
  const [task] = simulator.world.tasks;
  expect(main.commands.filter(({ command }) => command === 'error')).toMatchObject([
    {
      message: expect.stringMatching(/InvalidImageFormat\.Malformed: image m-\w+: The image has no kernel\./) as string,
    },
  ]);
  const known = simulator.record.find(({ operation }) => operation === 'ecs:DescribeTaskAttribute')?.at ?? NaN;
  expect(known - (task?.failure?.at ?? NaN)).toBeLessThan(32_000);
  expect(watch.left()).toEqual([]);
  expect(watch.holders()).toEqual([old]);
  expect((await scene.post()).log).toContain('Nothing to clean up');
  await scene.close();
});

test('with skip_clean, a later attempt imports what a failed one uploaded; another file is uploaded again', async () => {
  const arranged = await watched({ title: '', inputs: { skip_clean: 'true' } });
  const { scene } = arranged;
  const { world } = scene.simulator;
  const malformed = { code: 'InvalidImageFormat.Malformed', message: 'The image has no kernel.', at: 0.5 };
  const parts = () => count(arranged, 'oss:UploadPart');
  world.nextImportFails = malformed;
  expect((await scene.main()).conclusion).toBe('failure');
  const once = parts();
  expect(once).toBeGreaterThan(0);

  world.nextImportFails = malformed;
  expect((await scene.main({}, AGAIN)).log).toContain('no data has to be sent');
  expect(parts()).toBe(once);

  const path = join(scene.job.workspace, 'disk.raw');
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
  const third = await scene.main({}, { env: { GITHUB_RUN_ATTEMPT: '3' } });
  expect(third.conclusion, third.log).toBe('success');
  expect(parts()).toBeGreaterThan(once);
  await scene.close();
});

test('the wait ends when someone else cancels the import task', async () => {
  const arranged = await watched(REPLACING, { importSeconds: 600 });
  const { scene, watch } = arranged;
  const { simulator } = scene;
  simulator.before = ({ operation }) => {
    const [task] = simulator.world.tasks;
    if (operation === 'ecs:DescribeTasks' && task) task.cancelled ??= simulator.now();
  };
  const main = await scene.main();
  expect(main.log).toMatch(
    /##\[error\]ecs:ImportImage failed: ImportCancelled: image m-\w+: its import task was cancelled/,
  );
  expect(watch.left()).toEqual([]);
  await scene.close();
});

test.each(['truncated', 'reset', 'stall'] as const)(
  'a lost answer of ImportImage (%s) starts one import',
  async (kind) => {
    const arranged = await watched(REPLACING);
    const { scene, watch } = arranged;
    scene.simulator.faults.push({ operation: 'ecs:ImportImage', kind, when: 'after' });
    const main = await scene.main();
    expect(main.conclusion, main.log).toBe('success');
    expect(scene.simulator.world.tasks).toHaveLength(1);
    expect(main.outputs.task_id).toBe(scene.simulator.world.tasks[0]?.id);
    expect(watch.left()).toEqual([]);
    await scene.close();
  },
);

test('an image of another run that takes the name in the meantime is an error, and is not touched', async () => {
  const arranged = await watched({ title: '' });
  const { scene, watch } = arranged;
  const { world, account } = scene.simulator;
  scene.simulator.before = ({ operation }) => {
    if (operation === 'oss:CompleteMultipartUpload')
      world.addImage(account, NAME, { status: 'Creating', tags: { 'alicloud-import': 'octo/images/4243' } });
  };
  const main = await scene.main();
  expect(main.log).toContain('InvalidImageName.Duplicated');
  expect(watch.mine()).toMatchObject([{ status: 'Creating', tags: { 'alicloud-import': 'octo/images/4243' } }]);
  expect(watch.left().filter((one) => !one.startsWith('image'))).toEqual([]);
  await scene.close();
});

test.each([
  ['in use', { usedByInstance: true }, 'ImageUsingByInstance'],
  ['shared', { sharedWith: ['1234567890123456'] }, 'ImageUseShared'],
])('an old image that is %s is only renamed; the next forced run tries again', async (_, state, code) => {
  const arranged = await watched(REPLACING);
  const { scene, watch, old } = arranged;
  Object.assign(old ?? {}, state);
  const main = await scene.main();
  expect(main.conclusion).toBe('success');
  expect(main.outputs.replaced_image_id).toBe(old?.id);
  expect(main.log).toMatch(
    new RegExp(
      `##\\[warning\\]The replaced image ${old?.id ?? ''} could not be deleted and is now named \\S+ \\(${code}`,
    ),
  );
  expect(main.log).toContain(`aliyun ecs DeleteImage --RegionId cn-beijing --ImageId ${old?.id ?? ''}`);
  expect((await scene.post()).log).toContain('Nothing to clean up');
  expect(watch.left()).toEqual([`image ${NAME}-replaced-${old?.id ?? ''} Available`]);

  Object.assign(old ?? {}, { usedByInstance: false, sharedWith: [] });
  const next = await scene.main({}, { env: { GITHUB_RUN_ID: '5000' } });
  expect(next.conclusion, next.log).toBe('success');
  expect(watch.left()).toEqual([]);
  expect(watch.seen).toEqual([]);
  await scene.close();
});

test('an import that is finished before a forced attempt can cancel it is replaced and deleted', async () => {
  const opened = await testCloud({ importSeconds: 3_600 });
  const { world, before, addJob, holders, left } = opened;
  const job = await addJob();
  await job.main({}, { endAfter: isImport, kill: 'SIGKILL' });
  const [first] = holders();
  await job.build(2);
  before.add(async ({ operation }) => {
    if (operation !== 'ecs:CancelTask') return;
    world.durations.importSeconds = 8;
    endImports(opened, 0);
    await expect.poll(() => first?.status).toBe('Available');
  });
  const again = await mainAndPost(job, FORCE, { attempt: 2 });
  expect(again.conclusion, again.log).toBe('success');
  expect(again.outputs.replaced_image_id).toBe(first?.id);
  expect(await job.made(holders()[0])).toBe(true);
  expect(left()).toEqual([]);
});
