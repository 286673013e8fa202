import { afterAll, expect, test } from 'vitest';
import {
  endImports,
  hasBegun,
  isImport,
  openCloud,
  type Cloud,
  type CloudJob,
  type Identity,
} from '../support/jobs.ts';
import { annotations } from '../support/quick.ts';
import { watchNeighbours } from '../support/trespasses.ts';

/** Two different jobs with the same job name. */
const PAIRS: Record<string, [Identity, Identity]> = {
  'two legs of a matrix': [{ matrix: { boot: 'bios' } }, { matrix: { boot: 'uefi' } }],
  'two calls of a reusable workflow': [{ job: 'import' }, { job: 'import' }],
  'two runs with one run id': [{ run: '1' }, { run: '1' }],
};
const FORCE = { image_force_delete: 'true' };
const KEEP = { skip_clean: 'true' };
const KEY = { oss_key_name: 'images/disk.raw' };
const RED = /InvalidImageName\.Duplicated|ForeignObject|FileAlreadyExists/;
const WAYS: Record<string, Record<string, string>> = {
  'with default inputs': {},
  'with skip_clean': KEEP,
  forced: FORCE,
  'forced, with skip_clean': { ...FORCE, ...KEEP },
  "under the user's key": KEY,
  "under the user's key, with skip_clean": { ...KEY, ...KEEP },
  "forced, under the user's key": { ...KEY, ...FORCE },
};

const entries = <T>(table: Record<string, T>): [string, T][] => Object.entries(table);
/** All in `npm run test:matrix`; else one pair shows what skip_clean changes. */
const cases = entries(PAIRS)
  .flatMap(([pair, identities]) => entries(WAYS).map(([way, inputs]) => ({ pair, identities, way, inputs })))
  .filter(
    ({ pair, inputs }) =>
      process.env.MATRIX === 'whole' || pair === 'two legs of a matrix' || !('skip_clean' in inputs),
  );

const clouds: Cloud[] = [];
afterAll(() => Promise.all(clouds.map((cloud) => cloud.close())));

/** A cloud in which the test decides when imports end. */
async function slowCloud(): Promise<Cloud> {
  const cloud = await openCloud({ importSeconds: 3_600 });
  clouds.push(cloud);
  return cloud;
}

async function twoJobs(cloud: Cloud, [one, two]: [Identity, Identity]): Promise<[CloudJob, CloudJob]> {
  return [await cloud.addJob(one, 1), await cloud.addJob(two, 2)];
}

/** Runs both jobs at once: no import ends before each job has started one, is waiting for the other's, or has failed. */
async function liveAtOnce(cloud: Cloud, jobs: CloudJob[], inputsOf: (n: number) => Record<string, string>) {
  const begun = new Set<CloudJob>();
  const begin = (job: CloudJob) => {
    if (begun.add(job).size < jobs.length) return;
    cloud.world.durations.importSeconds = 8;
    endImports(cloud, 5);
  };
  return Promise.all(
    jobs.map(async (job, n) => {
      void job.until(hasBegun()).then(() => {
        begin(job);
      });
      const ended = await live(job, inputsOf(n), 1);
      begin(job);
      return ended;
    }),
  );
}

/** Main with its post step. */
async function live(job: CloudJob, inputs: Record<string, string>, attempt: number) {
  const main = await job.main(inputs, { attempt });
  return { main, post: await job.post(inputs) };
}

test.concurrent.each(cases)(
  '$pair at once, $way: neither touches what the other is making',
  async ({ identities, inputs }) => {
    const cloud = await slowCloud();
    const { world, holders, left } = cloud;
    const jobs = await twoJobs(cloud, identities);
    const trespasses = watchNeighbours(cloud);
    const finished = new Set<string>();
    cloud.after.add(() => {
      for (const { id, status } of world.images) if (status === 'Available') finished.add(id);
    });
    const runs = await liveAtOnce(cloud, jobs, () => inputs);
    expect(trespasses).toEqual([]);
    for (const { post } of runs) expect(annotations(post, 'warning')).toEqual([]);

    const green = jobs.filter((_, n) => runs[n]?.main.conclusion === 'success');
    const red = runs.filter(({ main }) => main.conclusion !== 'success');
    // With force and a derived key, the later rename wins; otherwise only one gets the name, or the key.
    const isForced = inputs.image_force_delete !== undefined && inputs.oss_key_name === undefined;
    expect(green, runs.map(({ main }) => main.log).join('\n')).toHaveLength(isForced ? 2 : 1);
    for (const { main } of red) {
      expect(annotations(main)).toEqual([expect.stringMatching(RED)]);
      expect(main.outputs.image_id ?? '').toBe('');
    }
    const [held, ...more] = holders();
    expect(more).toEqual([]);
    const ids = runs.map(({ main }) => main.outputs.image_id);
    const winner = jobs[ids.indexOf(held?.id)];
    expect(green).toContain(winner);
    expect(await winner?.made(held)).toBe(true);
    // The image of each successful job was finished, even if the other job's image has replaced it since.
    for (const id of ids) expect(!id || finished.has(id)).toBe(true);

    // What is left: the objects to keep, and an image that was replaced.
    const objects = world.buckets.flatMap((bucket) => [...bucket.objects.values()].map(([version]) => version));
    const kept = inputs.skip_clean === undefined ? [] : objects;
    if (inputs.skip_clean !== undefined) expect(objects.length).toBeGreaterThanOrEqual(green.length);
    const isExpected = (line: string) =>
      (isForced && /^image packer_import-replaced-m-\w+ Available$/.test(line)) ||
      (line.startsWith('object ') && kept.length > 0);
    expect(left().filter((line) => !isExpected(line))).toEqual([]);
    for (const object of kept) expect(object?.size).toBe(65_536);
    const aside = world.images.filter(({ name }) => name.includes('-replaced-'));
    for (const { id } of aside) expect(ids).toContain(id);
  },
);

test.concurrent.each(entries(PAIRS))(
  '%s, with different image names and the same oss_key_name: one fails, and the other keeps its object',
  async (_, identities) => {
    const cloud = await slowCloud();
    const [one, two] = await twoJobs(cloud, identities);
    const trespasses = watchNeighbours(cloud);
    const importing = one.until(isImport);
    const first = live(one, { ...KEY, ...KEEP }, 2);
    await importing;
    const second = await live(two, { ...KEY, ...KEEP, image_name: 'another' }, 2);
    expect(annotations(second.main)).toEqual([expect.stringMatching(/ForeignObject|FileAlreadyExists/)]);
    endImports(cloud, 5);
    const { main } = await first;
    expect(main.conclusion, main.log).toBe('success');
    expect(await one.made(cloud.holders()[0])).toBe(true);
    expect(cloud.left()).toEqual([`object ${KEY.oss_key_name}`]);
    expect(trespasses).toEqual([]);
  },
);

test.concurrent.each(entries(PAIRS))('%s, with different image names: both succeed', async (_, identities) => {
  const cloud = await slowCloud();
  const jobs = await twoJobs(cloud, identities);
  const trespasses = watchNeighbours(cloud);
  const runs = await liveAtOnce(cloud, jobs, (n) => ({ image_name: `image-${n}` }));
  for (const [n, job] of jobs.entries()) {
    expect(runs[n]?.main.conclusion, runs[n]?.main.log).toBe('success');
    expect(await job.made(cloud.holders(`image-${n}`)[0])).toBe(true);
  }
  expect(cloud.world.images).toHaveLength(2);
  expect(cloud.left().filter((line) => !line.startsWith('image'))).toEqual([]);
  expect(trespasses).toEqual([]);
});
