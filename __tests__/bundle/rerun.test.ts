import { expect, test } from 'vitest';
import { arrange, BUCKET, NAME, type Arranged, type Variant } from '../support/endings.ts';
import { age, killAt } from '../support/kill.ts';

const FORCE = { image_force_delete: 'true' };
const REPLACING: Variant = { title: '', inputs: FORCE, old: true };
const AGAIN = { env: { GITHUB_RUN_ATTEMPT: '2' } };
const OBJECT = `object alicloud-import/${NAME}/4242/disk.raw`;

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
  ['still being imported', 600],
  ['ready by then', 90],
])(
  'a wait that timed out leaves image, task and object; a later attempt takes up the image, %s',
  async (_, seconds) => {
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
    expect(watch.left()).toContain(OBJECT);
    expect(count(arranged, 'ecs:CancelTask')).toBe(0);

    const uploaded = count(arranged, 'oss:UploadPart');
    if (seconds < 600) await new Promise((done) => setTimeout(done, 1_000));
    const again = await scene.main({ timeout_minutes: '60' }, AGAIN);
    expect(again.conclusion, again.log).toBe('success');
    expect(again.outputs).toMatchObject({ image_id: image?.id, task_id: task?.id });
    expect(count(arranged, 'oss:UploadPart')).toBe(uploaded);
    expect(count(arranged, 'ecs:ImportImage')).toBe(1);
    expect(watch.holders()).toMatchObject([{ id: image?.id }]);
    expect(watch.left()).toEqual([]);
    expect(watch.seen).toEqual([]);
    await scene.close();
  },
);

test('an import that fails on the server ends the step within one look, with the reason of the server', async () => {
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
  expect(known - (task?.finished ?? NaN)).toBeLessThan(32_000);
  expect(watch.left()).toEqual([]);
  expect(watch.holders()).toEqual([old]);
  expect((await scene.post()).log).toContain('Nothing is left');
  await scene.close();
});

test('an image that somebody else removes, or whose task somebody cancels, ends the wait', async () => {
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

test('an image of another run that takes the name meanwhile is an error, and is not touched', async () => {
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

test("under the user's key, an upload whose id was lost with the answer is ended; those of others are not", async () => {
  const arranged = await watched({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  const { scene, watch } = arranged;
  const { simulator } = scene;
  const uploads = simulator.world.bucket(BUCKET)?.uploads;
  await killAt(arranged, { operation: 'oss:InitiateMultipartUpload', nth: 1 }, 'after');
  expect(watch.left()).toEqual(['upload images/disk.raw']);
  // Another run begins at the same moment under the same key, and sends its first part while post watches.
  const begun = { initiated: simulator.now(), storageClass: 'Standard', headers: {}, parts: new Map() };
  uploads?.set('C', { ...begun, id: 'C', key: 'images/disk.raw' });
  simulator.before = ({ operation }) => {
    const part = { number: 1, extents: [], size: 1, etag: '"A"', crc: 0n, modified: simulator.now() };
    if (operation === 'oss:ListParts') uploads?.get('C')?.parts.set(1, part);
  };
  const post = await scene.post();
  expect(post.log).not.toContain('##[warning]');
  expect(watch.left()).toEqual([]);
  expect([...(uploads?.keys() ?? [])].sort()).toEqual(['A', 'B', 'C', 'Z']);
  await scene.close();
});

test("under the user's key, a later attempt joins an upload only when nobody has added to it for ten minutes", async () => {
  const arranged = await watched({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  const { scene } = arranged;
  const uploads = scene.simulator.world.bucket(BUCKET)?.uploads;
  await killAt(arranged, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  const [dead = ''] = [...(uploads?.keys() ?? [])].filter((id) => id.length > 1);
  const early = await scene.main({}, AGAIN);
  expect(early.conclusion, early.log).toBe('success');
  expect(early.log).not.toContain('Going on with');
  expect(uploads?.has(dead)).toBe(true);
  await scene.close();

  const late = await watched({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  await killAt(late, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  age(late.scene);
  const again = await late.scene.main({}, AGAIN);
  expect(again.log).toContain('Going on with an unfinished upload');
  expect(late.watch.left()).toEqual([]);
  await late.scene.close();
});

test.each([
  ['in use', { usedByInstance: true }, 'ImageUsingByInstance'],
  ['shared', { sharedWith: ['1234567890123456'] }, 'ImageUseShared'],
])('an old image that is %s keeps its aside name; the next forced run tries again', async (_, state, code) => {
  const arranged = await watched(REPLACING);
  const { scene, watch, old } = arranged;
  Object.assign(old ?? {}, state);
  const main = await scene.main();
  expect(main.conclusion).toBe('success');
  expect(main.outputs.replaced_image_id).toBe(old?.id);
  expect(main.log).toMatch(new RegExp(`##\\[warning\\]The replaced image ${old?.id ?? ''} stays as \\S+ \\(${code}`));
  expect(main.log).toContain(`aliyun ecs DeleteImage --RegionId cn-beijing --ImageId ${old?.id ?? ''}`);
  expect((await scene.post()).log).toContain('Nothing is left');
  expect(watch.left()).toEqual([`image ${NAME}-replaced-${old?.id ?? ''} Available`]);

  Object.assign(old ?? {}, { usedByInstance: false, sharedWith: [] });
  const next = await scene.main({}, { env: { GITHUB_RUN_ID: '5000' } });
  expect(next.conclusion, next.log).toBe('success');
  expect(watch.left()).toEqual([]);
  expect(watch.seen).toEqual([]);
  await scene.close();
});

test('without the right to rename both images stay, and the error says which holds the name', async () => {
  const everything = { Effect: 'Allow', Action: '*', Resource: '*' } as const;
  const denied = { Effect: 'Deny', Action: 'ecs:ModifyImageAttribute', Resource: '*' } as const;
  const arranged = await watched(REPLACING, {
    user: ({ world, account }: Arranged['scene']['simulator']) => world.addUser(account, 'ci', [everything, denied]),
  });
  const { scene, watch, old } = arranged;
  const main = await scene.main();
  const [error] = main.commands.filter(({ command }) => command === 'error');
  expect(error?.message).toContain(`image ${old?.id ?? ''} holds the name ${NAME}`);
  expect(error?.message).toContain(`image ${main.outputs.image_id ?? ''} is Available as ${NAME}-importing-4242`);
  expect(watch.holders()).toEqual([old]);
  expect(watch.left()).toEqual([`image ${NAME}-importing-4242 Available`]);
  expect((await scene.post()).log).toContain('Nothing is left');
  await scene.close();
});
