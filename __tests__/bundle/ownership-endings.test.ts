import { expect, test } from 'vitest';
import type { Fault, RecordedRequest } from '../../simulator/index.ts';
import { endImports, isImport, NAME, mainAndPost, testCloud, testCloudWithOld } from '../support/jobs.ts';
import { annotations, theError } from '../support/quick.ts';

const FORCE = { image_force_delete: 'true' };
const KEY = 'images/disk.raw';
/** In simulated seconds: longer than anything in these tests. */
const FOREVER = 1_800;
const DAY = 86_400_000;

/** Values that the expressions of `with:` may have in the post step. */
const EVALUATED_ANEW = {
  oss_bucket_name: 'elsewhere',
  region: 'cn-shanghai',
  image_name: 'another',
  oss_key_name: 'another.raw',
  skip_clean: 'true',
  path: 'gone.raw',
  image_force_delete: 'false',
};

test.each([
  ['in the upload', 'oss:UploadPart', {}],
  ['in the import', 'ecs:ImportImage', {}],
  ["in the upload, under the user's key", 'oss:UploadPart', { oss_key_name: KEY }],
  ["in the import, under the user's key", 'ecs:ImportImage', { oss_key_name: KEY }],
])('7. post undoes what main saved, whatever its own inputs are: cancelled %s', async (_, operation, inputs) => {
  const { addJob, left, holders, old } = await testCloudWithOld({ importSeconds: FOREVER });
  const job = await addJob();
  await job.main(
    { ...FORCE, ...inputs },
    { endAfter: (request) => request.operation === operation && request.code === undefined },
  );
  expect(left()).not.toEqual([]);
  const post = await job.post({ ...EVALUATED_ANEW, custom_endpoint_ecs: 'ecs.cn-shanghai.aliyuncs.com' });
  expect(annotations(post, 'warning')).toEqual([]);
  expect(left()).toEqual([]);
  expect(holders()).toEqual([old]);
});

test.each([
  ['known', false],
  ['unknown', true],
])("7. with foreign keys, or none, post only reports what is left; main's account is %s", async (_, isDenied) => {
  const { addJob, left, simulator, world } = await testCloud({ importSeconds: FOREVER });
  const stranger = world.addUser(world.addAccount(), 'stranger');
  const theirs = { ALICLOUD_ACCESS_KEY: stranger.accessKeyId, ALICLOUD_SECRET_KEY: stranger.secret };
  const none = { ALICLOUD_ACCESS_KEY: '', ALICLOUD_SECRET_KEY: '' };
  const job = await addJob();
  const denial: Fault = { operation: 'sts:GetCallerIdentity', kind: 'error', code: 'NoPermission' };
  const denials = isDenied ? [denial] : [];
  simulator.faults.push(...denials);
  let isImporting = false;
  const lookAfterImport = (request: RecordedRequest) => {
    const isLook = isImporting && request.operation.startsWith('ecs:Describe');
    isImporting ||= isImport(request);
    return isLook;
  };
  await job.main({}, { endAfter: lookAfterImport });
  const there = left();
  const [image] = world.images;
  simulator.faults.length = 0;
  for (const env of [theirs, none]) {
    const post = await job.post({}, { env });
    expect(post.conclusion, post.log).toBe('success');
    expect(left()).toEqual(there);
    const said = annotations(post, 'warning').join('\n');
    expect(said).toContain(image?.id);
    expect(said).toContain(there.find((line) => line.startsWith('object '))?.replace('object ', 'oss://packer/'));
  }
  simulator.faults.push(...denials);
  expect((await job.post()).conclusion).toBe('success');
  expect(left()).toEqual([]);
});

test('7. a post step with nothing to do sends no request and needs no credentials', async () => {
  const { addJob, simulator } = await testCloud();
  const job = await addJob();
  await job.main();
  const asked = simulator.record.length;
  const post = await job.post(EVALUATED_ANEW, { env: { ALICLOUD_ACCESS_KEY: '', ALICLOUD_SECRET_KEY: '' } });
  expect(post.conclusion, post.log).toBe('success');
  expect(annotations(post, 'warning')).toEqual([]);
  expect(post.log.trim()).not.toBe('');
  expect(simulator.record).toHaveLength(asked);
});

test('8. when the new image cannot get its name, the copies are still made from its id', async () => {
  const { addJob, after, world, holders, old } = await testCloudWithOld();
  const job = await addJob();
  after.add((request) => {
    if (!isImport(request)) return;
    job.user.statements = [
      ...job.user.statements,
      { Effect: 'Deny', Action: 'ecs:ModifyImageAttribute', Resource: '*' },
    ];
  });
  const main = await mainAndPost(job, { ...FORCE, image_copy_regions: 'cn-hangzhou, cn-shenzhen' });
  expect(main.conclusion).toBe('failure');
  expect(holders()).toEqual([old]);
  const fresh = world.images.find(({ id }) => id === main.outputs.image_id);
  expect(fresh).toMatchObject({ region: 'cn-beijing', status: 'Available' });
  expect(job.requests('ecs:CopyImage').map(({ params }) => params?.ImageId)).toEqual([fresh?.id, fresh?.id]);
  const copies = world.images.filter(({ copy }) => copy !== undefined);
  expect(copies).toMatchObject([
    { name: NAME, region: 'cn-hangzhou', status: 'Available' },
    { name: NAME, region: 'cn-shenzhen', status: 'Available' },
  ]);
  for (const copy of copies) expect(await job.made(copy)).toBe(true);
  expect(JSON.parse(main.outputs.image_ids ?? '')).toEqual({
    'cn-beijing': fresh?.id,
    'cn-hangzhou': copies[0]?.id,
    'cn-shenzhen': copies[1]?.id,
  });
});

test.each([
  ['older than a day', 2 * DAY, true],
  ['of today', DAY / 2, false],
])('9. the next forced run removes what a forced import that timed out left: %s', async (_, age, isRemoved) => {
  const opened = await testCloudWithOld({ importSeconds: FOREVER });
  const { addJob, world, account, holders, left } = opened;
  const first = await addJob({ run: '1' });
  const main = await mainAndPost(first, { ...FORCE, timeout_minutes: '1' });
  expect(theError(main)).toContain('WaitTimedOut');
  const stale = left().filter((line) => !line.startsWith('task'));
  expect(stale).toEqual([
    expect.stringMatching(/^object alicloud-import\/packer_import\//),
    expect.stringMatching(/^image packer_import-importing-/),
  ]);
  endImports(opened, 0);
  world.durations.importSeconds = 8;
  for (const image of world.images) image.created -= age;
  for (const { objects } of world.buckets)
    for (const [version] of objects.values()) if (version) version.modified -= age;
  // Images of others are kept: without a mark, with another name, or with a mark whose owner is not in the name.
  const created = world.clock.now() - 3 * DAY;
  const tags = Object.assign({}, ...world.images.map((image) => image.tags)) as Record<string, string>;
  world.addImage(account, `${NAME}-importing-by-hand`, { created });
  world.addImage(account, `${NAME}2-importing-1`, { created, tags });
  world.addImage(account, `${NAME}-importing-nightly`, { created, tags });
  const names = ['packer_import-importing-by-hand', 'packer_import2-importing-1', 'packer_import-importing-nightly'];
  const others = names.map((name) => `image ${name} Available`);

  const later = await addJob({ run: '2' }, 2);
  const run = await mainAndPost(later, FORCE);
  expect(run.conclusion, run.log).toBe('success');
  expect(holders()).toHaveLength(1);
  expect(await later.made(holders()[0])).toBe(true);
  const expected = isRemoved ? [] : stale.map((line) => line.replace('Creating', 'Available'));
  expect([...left().sort(), world.snapshots.length]).toEqual([...[...expected, ...others].sort(), isRemoved ? 1 : 2]);
});

test("10. an import role that has a policy of the user's does not get the system policy", async () => {
  const { addJob, account, world, left } = await testCloud();
  const [role] = account.roles;
  account.policies.push({
    type: 'Custom',
    name: 'only-these',
    statements: [{ Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:somewhere-else/*' }],
  });
  const policies = [{ type: 'Custom' as const, name: 'only-these', at: 0 }];
  if (role) role.policies = policies;
  const refused = await mainAndPost(await addJob({ run: '1' }));
  expect(theError(refused)).toMatch(/oss:GetObject/);
  expect(role?.policies).toEqual(policies);
  expect(world.images).toEqual([]);
  expect(left()).toEqual([]);

  // A role without any policy is completed.
  if (role) role.policies = [];
  const main = await mainAndPost(await addJob({ run: '2' }));
  expect(main.conclusion, main.log).toBe('success');
  expect(role?.policies).toMatchObject([{ type: 'System' }]);
});

/** The rename of the old image; the name is free until the next rename. */
const isRename = ({ operation, params, code }: RecordedRequest) =>
  operation === 'ecs:ModifyImageAttribute' && params?.DryRun !== 'true' && code === undefined;

test.each(
  (['part', 'pattern', 'whole'] as const).flatMap((reading) =>
    (['the next attempt', 'another run', 'another run, whose import fails'] as const).map(
      (successor) => [reading, successor] as const,
    ),
  ),
)('11. killed between the two renames; DescribeImages matches by %s; then %s', async (reading, successor) => {
  const { addJob, world, holders, left, old, after } = await testCloudWithOld();
  world.imageNameSearch = reading;
  const dead = await addJob({ run: '1' }, 1);
  await dead.main(FORCE, { endAfter: isRename, kill: 'SIGKILL' });
  expect(holders()).toEqual([]);
  const made = world.images.find(({ id }) => id !== old.id);
  const lost: string[] = [];
  after.add(({ n, operation }) => {
    const isHeld = holders().some(({ status }) => status === 'Available');
    if (!isHeld && !world.images.some(({ id }) => id === old.id)) lost.push(`old image, at ${n} ${operation}`);
    if (!world.images.some(({ id }) => id === made?.id)) lost.push(`new image, at ${n} ${operation}`);
  });

  const isSameRun = successor === 'the next attempt';
  const later = isSameRun ? dead : await addJob({ run: '2' }, 2);
  if (successor.endsWith('fails')) world.nextImportFails = { code: 'ImportImageFailed', message: 'no kernel in it' };
  const main = await mainAndPost(later, FORCE, { attempt: isSameRun ? 2 : 1 });
  const rest = left().filter((line) => !line.startsWith('object '));
  expect(lost).toEqual([]);
  if (successor.endsWith('fails')) {
    expect(theError(main)).toContain('ImportImageFailed');
    expect(world.images.map(({ id }) => id).sort()).toEqual([made?.id, old.id].sort());
    return;
  }
  expect(main.conclusion, main.log).toBe('success');
  expect(holders()).toMatchObject([{ id: main.outputs.image_id }]);
  expect(await later.made(holders()[0])).toBe(true);
  if (isSameRun) expect(main.outputs.image_id).toBe(made?.id);
  // The finished image of the killed run is kept, because it is less than a day old.
  expect(rest).toEqual(isSameRun ? [] : [`image ${made?.name ?? ''} Available`]);
  if (isSameRun) expect(left()).toEqual([]);
});
