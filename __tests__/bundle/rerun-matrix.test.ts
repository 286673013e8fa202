import { copyFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Image, RecordedRequest } from '../../simulator/index.ts';
import {
  endImports,
  forkCloud,
  hasBegun,
  isImport,
  openCloud,
  type Cloud,
  type CloudJob,
  type JobOptions,
} from '../support/jobs.ts';
import { inParallel } from '../support/kill.ts';
import { annotations } from '../support/quick.ts';

/** In simulated seconds: longer than anything in these tests. */
const FOREVER = 3_600;
const KEYS = { 'a derived key': {}, "the user's key": { oss_key_name: 'images/disk.raw' } };
const FORCES = { 'not forced': {}, forced: { image_force_delete: 'true' } };
const SECONDS = { 'the same disk': {}, 'another disk': {}, 'another boot mode': { boot_mode: 'UEFI' } };

interface Ending {
  inputs?: Record<string, string>;
  options?: JobOptions;
  /** Makes something fail in the cloud. */
  trouble?: (cloud: Cloud) => void;
  /** Killed, so that there is no post step. */
  killed?: true;
  /** Whether the import is still in progress at the next attempt, or has finished. */
  image?: 'being made' | 'finished';
}

const kill = (wanted: (request: RecordedRequest) => boolean): Ending => ({
  options: { endAfter: wanted, kill: 'SIGKILL' },
  killed: true,
});
const denied = { operation: 'oss:UploadPart', kind: 'error', code: 'AccessDenied', status: 403 } as const;
const ENDINGS: Record<string, Ending> = {
  success: { image: 'finished' },
  'failure in the upload': { trouble: ({ simulator }) => simulator.faults.push(denied) },
  'failure of the import': {
    trouble: ({ world }) => (world.nextImportFails = { code: 'ImportImageFailed', message: 'no kernel in it' }),
  },
  'kill in the upload': kill(({ operation }) => operation === 'oss:UploadPart'),
  'kill in the import': { ...kill(isImport), image: 'being made' },
  'kill in the import, which finishes before attempt 2': { ...kill(isImport), image: 'finished' },
  'time-out': { inputs: { timeout_minutes: '1' }, image: 'being made' },
  'time-out, and the import finishes before attempt 2': { inputs: { timeout_minutes: '1' }, image: 'finished' },
};

/** `npm run test:matrix` has every cell under both keys, and `npm test` each cell under one of them. */
const WHOLE = process.env.MATRIX === 'whole';

const entries = <T>(table: Record<string, T>): [string, T][] => Object.entries(table);

test.each(
  entries(ENDINGS).flatMap(([ending, how], e) =>
    entries(KEYS).map(([key, inputs], k) => ({ ending, how, key, inputs, half: (e + k) % 2 })),
  ),
)('attempt 1 ends in $ending under $key: attempt 2 fails only where it must', async ({ ending, how, inputs, half }) => {
  const cloud = await openCloud({ speed: 80, importSeconds: how.image === undefined ? 8 : FOREVER });
  const { world } = cloud;
  const job = await cloud.addJob();
  if (ending === 'success') world.durations.importSeconds = 8;
  how.trouble?.(cloud);
  await job.main({ ...inputs, ...how.inputs }, how.options);
  if (how.killed === undefined) await job.post(inputs);
  if (how.image === 'finished') {
    endImports(cloud, 0);
    await expect.poll(() => cloud.holders().map(({ status }) => status)).toEqual(['Available']);
  }
  const first = cloud.holders()[0];
  expect(first?.status).toBe({ 'being made': 'Creating', finished: 'Available', none: undefined }[how.image ?? 'none']);
  world.durations.importSeconds = 8;

  const cells = entries(SECONDS)
    .flatMap(([second, changed]) =>
      entries(FORCES).map(([force, forced]) => ({ title: `${second}, ${force}`, changed: { ...changed, ...forced } })),
    )
    .filter((_, at) => WHOLE || at % 2 === half);
  const failures: string[] = [];
  await inParallel(cells, 2, async ({ title, changed }) => {
    const cell = await forkCloud(cloud);
    const again = await cell.addJob({}, 1, job.user);
    if (title.startsWith('another disk')) await again.build(2);
    else await copyFile(job.disk, again.disk);
    const wrong = await secondAttempt(cell, again, { ...inputs, ...changed }, first, how);
    failures.push(...wrong.map((text) => `${title}: ${text}`));
    await cell.close();
  });
  await cloud.close();
  expect(failures).toEqual([]);
});

/** Everything that is wrong after attempt 2. */
async function secondAttempt(
  cloud: Cloud,
  job: CloudJob,
  inputs: Record<string, string>,
  first: Image | undefined,
  { image, killed }: Ending,
): Promise<string[]> {
  const { world, holders, left, after } = cloud;
  const wrong: string[] = [];
  const isForced = inputs.image_force_delete === 'true';
  const isSame = inputs.boot_mode === undefined && (first === undefined || (await job.isSourceOf(first)));
  const isRed = image === 'finished' && !isSame && !isForced;
  const isAdopted = image !== undefined && isSame;
  const isWaiting = hasBegun();
  after.add((request) => {
    const { n, operation } = request;
    // The import ends once the run waits for it.
    if (isAdopted && (operation.startsWith('ecs:DescribeTask') || isWaiting(request))) endImports(cloud, 3);
    if (image !== 'finished') return;
    if (!world.images.some(({ status }) => status === 'Available'))
      wrong.push(`no finished image after ${n} ${operation}`);
  });

  const main = await job.main(inputs, { attempt: 2 });
  const post = await job.post(inputs);
  const [held, ...more] = holders();
  if (more.length > 0) wrong.push('two images hold the name');
  if (main.conclusion !== (isRed ? 'failure' : 'success'))
    wrong.push(`${main.conclusion}: ${annotations(main).join()}`);
  if (post.conclusion !== 'success') wrong.push(`post: ${post.log}`);
  if (isRed) {
    if (!annotations(main).join().includes('InvalidImageName.Duplicated')) wrong.push(annotations(main).join());
    if (held?.id !== first?.id) wrong.push('the finished image has lost its name');
  } else {
    if (!(await job.made(held))) wrong.push('the image is not of the disk');
    if (held?.bootMode !== (inputs.boot_mode ?? 'BIOS')) wrong.push(`the image boots by ${held?.bootMode ?? ''}`);
    if (held?.id !== main.outputs.image_id) wrong.push('another image was output');
    const hasSameTag = tagOf(held) === tagOf(first);
    if (first !== undefined && hasSameTag !== isSame) wrong.push('the tag of the content does not tell');
  }
  if (isAdopted !== (held !== undefined && held.id === first?.id) && !isRed)
    wrong.push(isAdopted ? 'not adopted' : 'adopted');
  if (job.requests().some(isImport) === (isAdopted || isRed)) wrong.push('ImportImage');

  // The upload of a killed attempt remains under a user's key, and a warning has the command that aborts it.
  const stays = killed === true && image === undefined && inputs.oss_key_name !== undefined;
  const expected = stays ? [`upload ${inputs.oss_key_name ?? ''}`] : [];
  if (left().join() !== expected.join()) wrong.push(`left: ${left().join()}`);
  const said = annotations(main, 'warning').join('\n');
  if (stays && !(said.includes(inputs.oss_key_name ?? '') && /abort|ossutil/i.test(said)))
    wrong.push(`warned: ${said}`);
  return wrong;
}

const tagOf = (image: Image | undefined) => image?.tags['alicloud-import-content'];
