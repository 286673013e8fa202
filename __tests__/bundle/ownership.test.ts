import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  endImports,
  hasBegun,
  isImport,
  mainAndPost,
  testCloud,
  testCloudWithOld,
  type Cloud,
  type CloudJob,
} from '../support/jobs.ts';
import { theError } from '../support/quick.ts';
import { watchNeighbours } from '../support/trespasses.ts';

const FORCE = { image_force_delete: 'true' };
const AGAIN = { attempt: 2 };
const KEY = 'images/disk.raw';
const TAKEN = /InvalidImageName\.Duplicated/;
const FOREIGN = /ForeignObject|FileAlreadyExists/;
/** In simulated seconds: longer than anything in these tests. */
const FOREVER = 1_800;

/** Two legs of a matrix with different disks. */
const twoLegs = async (opened: Cloud) =>
  [await opened.addJob({ matrix: { boot: 'bios' } }, 1), await opened.addJob({ matrix: { boot: 'uefi' } }, 2)] as const;

const imports = (job: CloudJob) => job.requests().filter(isImport);

test.each([
  ['it replaces the image when forced', FORCE],
  ['otherwise the name is taken', {}],
])('1. a re-run with another disk never adopts the image of the first disk: %s', async (_, force) => {
  const { addJob, holders, left } = await testCloud();
  const job = await addJob();
  const inputs = { ...force, keep_input_artifact: 'false' };
  await mainAndPost(job, inputs);
  const [first] = holders();
  await job.build(2);
  const again = await mainAndPost(job, inputs, AGAIN);
  if (force === FORCE) {
    expect(again.conclusion, again.log).toBe('success');
    expect(imports(job)).toHaveLength(2);
    expect(holders()).toMatchObject([{ id: again.outputs.image_id }]);
    expect(again.outputs).toMatchObject({ replaced_image_id: first?.id });
    expect(existsSync(job.disk)).toBe(false);
    await job.build(2);
    expect(await job.made(holders()[0])).toBe(true);
  } else {
    expect(theError(again)).toMatch(TAKEN);
    expect(holders()).toEqual([first]);
    expect(existsSync(job.disk)).toBe(true);
  }
  expect(left()).toEqual([]);
});

test('2. of two legs of a matrix with the same image name one fails, and the image is made of the disk of the other', async () => {
  const opened = await testCloud();
  const [one, two] = await twoLegs(opened);
  const trespasses = watchNeighbours(opened);
  await mainAndPost(one);
  const second = await mainAndPost(two);
  expect(theError(second)).toMatch(TAKEN);
  expect(imports(two)).toHaveLength(0);
  expect(opened.holders()).toHaveLength(1);
  expect(await one.made(opened.holders()[0])).toBe(true);

  // A re-run of both legs changes nothing, because each recognizes its own image.
  const [oneAgain, twoAgain] = [await mainAndPost(one, {}, AGAIN), await mainAndPost(two, {}, AGAIN)];
  expect(oneAgain.conclusion, oneAgain.log).toBe('success');
  expect(theError(twoAgain)).toMatch(TAKEN);
  expect(await one.made(opened.holders()[0])).toBe(true);
  expect(opened.left()).toEqual([]);
  expect(trespasses).toEqual([]);
});

test.each([
  ['forced', FORCE],
  ['not forced', {}],
])('3. a cancelled leg does not touch the import of another leg: %s', async (_, inputs) => {
  const opened = await testCloud({ importSeconds: FOREVER });
  const [one, two] = await twoLegs(opened);
  const trespasses = watchNeighbours(opened);
  const importing = one.until(isImport);
  const first = mainAndPost(one, inputs, AGAIN);
  await importing;
  await mainAndPost(two, inputs, { ...AGAIN, endAfter: hasBegun() });
  endImports(opened, 5);
  expect((await first).conclusion, (await first).log).toBe('success');
  expect(opened.holders()).toHaveLength(1);
  expect(await one.made(opened.holders()[0])).toBe(true);
  expect(opened.left()).toEqual([]);
  expect(trespasses).toEqual([]);
});

test.each([
  ['the same bytes', 1],
  ['other bytes', 2],
])(
  "4. in a re-run, a leg does not use, overwrite or delete another leg's object under the user's key: %s",
  async (_, seed) => {
    const opened = await testCloud({ importSeconds: FOREVER });
    const [one, two] = await twoLegs(opened);
    await two.build(seed);
    const trespasses = watchNeighbours(opened);
    const importing = one.until(isImport);
    const first = mainAndPost(one, { oss_key_name: KEY }, AGAIN);
    await importing;
    const second = await mainAndPost(two, { oss_key_name: KEY, image_name: 'another' }, AGAIN);
    expect(theError(second)).toMatch(FOREIGN);
    expect(opened.left()).toContain(`object ${KEY}`);
    endImports(opened, 5);
    expect((await first).conclusion, (await first).log).toBe('success');
    expect(await one.made(opened.holders()[0])).toBe(true);
    expect(opened.left()).toEqual([]);
    expect(trespasses).toEqual([]);
  },
);

test.each([1, 2])(
  '5. with a tool that gives all runs the same id, a forced run (attempt %i) ignores an old import',
  async (nth) => {
    const opened = await testCloudWithOld({ importSeconds: FOREVER });
    const { holders, left, old } = opened;
    const dead = await opened.addJob({}, 1);
    await dead.main(FORCE, { attempt: nth, endAfter: isImport, kill: 'SIGKILL' });
    endImports(opened, 0);
    opened.world.durations.importSeconds = 8;
    const later = await opened.addJob({}, 2);
    const run = await mainAndPost(later, FORCE, { attempt: nth });
    expect(run.conclusion, run.log).toBe('success');
    expect(run.outputs.replaced_image_id).toBe(old.id);
    expect(await later.made(holders()[0])).toBe(true);
    // The old image and its object are kept, because they are less than a day old.
    expect(left()).toEqual([
      expect.stringMatching(/^object alicloud-import\/packer_import\//),
      expect.stringMatching(/^image packer_import-importing-\S+ Available$/),
    ]);
  },
);

test('6. reuse_identical_image compares all parameters of an image, not only its bytes', async () => {
  const { addJob, holders, left } = await testCloud();
  const inputs: Record<string, string> = { ...FORCE, reuse_identical_image: 'true' };
  await mainAndPost(await addJob({ run: '1' }), inputs);
  const changes: [run: string, changed: Record<string, string>, shows: object][] = [
    ['2', {}, {}],
    ['3', { boot_mode: 'UEFI' }, { bootMode: 'UEFI' }],
    ['4', { image_platform: 'Ubuntu' }, { platform: 'Ubuntu' }],
    ['5', { image_system_size: '50' }, { disks: [{ sizeGiB: 50 }] }],
    ['6', { nvme_support: 'supported' }, { nvmeSupport: 'supported' }],
    ['7', { imds_support: 'v2' }, { imdsSupport: 'v2' }],
    ['8', {}, {}],
  ];
  for (const [run, changed, shows] of changes) {
    const before = holders()[0]?.id;
    Object.assign(inputs, changed);
    const job = await addJob({ run });
    const main = await mainAndPost(job, inputs);
    expect(main.conclusion, main.log).toBe('success');
    const isReused = Object.keys(changed).length === 0;
    expect(main.outputs.image_id === before, run).toBe(isReused);
    expect(imports(job)).toHaveLength(isReused ? 0 : 1);
    expect(holders()).toMatchObject([{ id: main.outputs.image_id, ...shows }]);
    expect(await job.made(holders()[0])).toBe(true);
  }
  expect(left()).toEqual([]);
});

test('an image that is listed twice, at the end of a page and the start of the next, is adopted and not cancelled', async () => {
  const opened = await testCloud({ importSeconds: FOREVER });
  const { account, world, before, addJob, holders, left } = opened;
  account.imageQuota = 1_000;
  for (let n = 0; n < 99; n += 1) world.addImage(account, `before-${n}`);
  const job = await addJob();
  await job.main({}, { endAfter: isImport, kill: 'SIGKILL' });
  for (let n = 0; n < 150; n += 1) world.addImage(account, `after-${n}`);
  before.add(({ operation, params }) => {
    if (operation === 'ecs:DescribeTasks') endImports(opened, 3);
    if (operation !== 'ecs:DescribeImages' || params?.PageNumber !== '2' || world.images[0]?.name === 'meanwhile')
      return;
    world.images.unshift(world.addImage(account, 'meanwhile'));
    world.images.pop();
  });
  const again = await mainAndPost(job, {}, AGAIN);
  expect(again.conclusion, again.log).toBe('success');
  expect(again.log).toContain('Using image');
  expect(holders()).toMatchObject([{ id: again.outputs.image_id }]);
  expect(left().filter((line) => !/^image (before|after|meanwhile)/.test(line))).toEqual([]);
});

test.each([
  ['another disk', FORCE, 2],
  ['the unencrypted one', { ...FORCE, image_encrypted: 'true' }, 1],
])(
  'a later attempt that must not replace an image still ends the import of an earlier one: %s',
  async (_, first, seed) => {
    const { addJob, holders, left, old } = await testCloudWithOld({ importSeconds: FOREVER });
    const job = await addJob();
    await job.main(first, { endAfter: isImport, kill: 'SIGKILL' });
    await job.build(seed);
    const again = await mainAndPost(job, {}, AGAIN);
    expect(theError(again)).toMatch(TAKEN);
    expect(holders()).toEqual([old]);
    expect(left()).toEqual([]);
  },
);
