import { expect, test, vi } from 'vitest';
import { arrange, NAME, type Arranged, type Variant } from '../support/endings.ts';
import { fingerprint, fork, inParallel, killAt, pointsOf } from '../support/kill.ts';

const FORCE = { image_force_delete: 'true' };
const COPIES = ['cn-hangzhou', 'cn-shenzhen'];
/** Requests that concern the staged object. */
const STAGING = /^oss:|ImportImage/;
/** `own`: what differs from the first variants; `npm test` kills only there. */
const VARIANTS: (Variant & { own?: RegExp })[] = [
  { title: 'an old image is replaced', inputs: FORCE, old: true },
  { title: 'no image holds the name', own: /^ecs:|DeleteObject/ },
  { title: 'the staged object is kept', inputs: { ...FORCE, skip_clean: 'true' }, old: true, own: STAGING },
  { title: "the key is the user's", inputs: { ...FORCE, oss_key_name: 'images/disk.raw' }, old: true, own: STAGING },
  { title: 'bucket and role are missing', bare: true, own: /Bucket|^ram:|ImportImage/ },
  {
    title: 'the image is encrypted',
    inputs: { ...FORCE, image_encrypted: 'true', kms_key_id: 'key-12345678' },
    old: true,
    only: /^ecs:|DeleteObject/,
  },
  {
    title: 'the image is copied',
    inputs: { image_copy_regions: COPIES.join() },
    only: /^ecs:|DeleteObject/,
  },
  {
    title: 'zeros are copied inside the bucket',
    zeros: true,
    only: /^oss:(Put|Init|Complete|Delete|UploadPartCopy#(1|2|4|5|7)$)/,
    own: /Put|Delete|#[15]$/,
  },
];
/** `npm run test:matrix` kills everywhere: also at requests that change nothing, and where variants do not differ. */
const WHOLE = process.env.MATRIX === 'whole';
/** How DescribeImages searches names; each reading is used for a third of the kills, as none should matter. */
const SEARCHES = ['part', 'pattern', 'whole'] as const;
/** An operation that is repeated while waiting, so that the number of calls varies. */
const POLLED = /:(Describe\w+|ImportImage)$/;
/** An operation that changes nothing: a kill before or after it leaves the same state. */
const READS = /:(Get|List|Head|Describe)| DryRun$/;

test.each(VARIANTS)(
  'killed at any request, a run leaves nothing and loses nothing: $title',
  { timeout: 600_000 },
  async (variant) => {
    const started = performance.now();
    const clean = await arrange(variant);
    const main = await clean.scene.main();
    expect(main.conclusion, main.log).toBe('success');
    const points = pointsOf(clean.scene.simulator.record);
    await clean.scene.close();
    const limits = [variant.only, WHOLE ? undefined : variant.own];
    const wanted = points.filter(({ operation, nth }) =>
      limits.every((one) => one?.test(`${operation}#${nth}`) ?? true),
    );
    const kills = wanted.flatMap((point) => {
      const reads = READS.test(point.operation);
      if (reads && !WHOLE) return [];
      const ways = reads ? (['before'] as const) : (['before', 'after'] as const);
      return ways.map((when) => ({ ...point, when }));
    });
    const failures: string[] = [];
    const states = new Set<string>();
    let missed = 0;
    await inParallel([...kills.entries()], 6, async ([at, { when, ...point }]) => {
      const killed = await arrange(variant);
      killed.scene.simulator.world.imageNameSearch = SEARCHES[at % SEARCHES.length] ?? 'part';
      const { hit, state } = await killAt(killed, point, when);
      const fail = (how: string) => (text: string) =>
        failures.push(`${when} ${point.operation}#${point.nth}, ${how}: ${text}`);
      // This run polled once less, or the role propagated sooner.
      if (!hit) missed += 1;
      if (!hit && !POLLED.test(point.operation)) fail('kill')('the point was not reached');
      const print = fingerprint(killed, state);
      if (!states.has(print)) {
        states.add(print);
        const twin = await fork(killed);
        await byAttempt(twin, variant, fail('attempt'));
        await byPost(killed, variant, fail('post'));
        await twin.scene.close();
      }
      await killed.scene.close();
    });
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(
      `Crash matrix, ${variant.title}: ${kills.length} kills (${missed} not reached) at ${wanted.length} points, ${states.size} different states, ` +
        `each recovered in two ways, ${failures.length} failures, ${seconds} s`,
    );
    expect(failures).toEqual([]);
  },
);

type Fail = (text: string) => void;

/** All warnings, except those about an upload under a user's key that only the killed process had recorded. */
const unexpected = (log: string, { inputs }: Variant): string[] =>
  log.split('\n').filter((line) => line.startsWith('##[warning]') && !line.includes(inputs?.oss_key_name ?? '\n'));

/** The post step, with the state that the killed process saved. */
async function byPost({ scene, watch, old }: Arranged, variant: Variant, fail: Fail): Promise<void> {
  const { conclusion, log } = await scene.post();
  if (conclusion !== 'success' || unexpected(log, variant).length > 0) fail(log);
  await copiesEnd(scene.simulator);
  if (old !== undefined && watch.holders().length !== 1) fail('no image has the name');
  common(watch, variant, fail);
}

/** A second attempt of the run, on a new runner; with its post step if everything is tested. */
async function byAttempt({ scene, watch, old }: Arranged, variant: Variant, fail: Fail): Promise<void> {
  const again = { env: { GITHUB_RUN_ATTEMPT: '2' } };
  const { conclusion, log, outputs } = await scene.main({}, again);
  if (conclusion !== 'success' || unexpected(log, variant).length > 0) fail(log);
  const [holder] = watch.holders();
  if (holder === undefined || holder.id !== outputs.image_id || holder.id === old?.id)
    fail('the new image has not the name');
  const made = JSON.parse(outputs.image_ids ?? '{}') as Record<string, string>;
  for (const region of variant.inputs?.image_copy_regions?.split(',') ?? []) {
    const copy = scene.simulator.world.images.find(({ id }) => id === made[region]);
    if (copy?.name !== NAME || copy.status !== 'Available') fail(`the copy in ${region} has not the name`);
  }
  const post = WHOLE ? await scene.post({}, again) : undefined;
  if (post?.log.includes('Nothing to clean up') === false) fail(post.log);
  common(watch, variant, fail);
}

/** Post does not cancel copies of a finished image. */
async function copiesEnd({ world }: Arranged['scene']['simulator']): Promise<void> {
  await vi.waitUntil(() => !world.images.some(({ copy, status }) => copy && status === 'Creating'), 10_000);
}

function common(watch: Arranged['watch'], { inputs }: Variant, fail: Fail): void {
  const isUsers = inputs?.oss_key_name !== undefined;
  const kept = inputs?.skip_clean === 'true' ? /^(object|upload) \S+\/disk\.raw$/ : isUsers ? /^upload / : /^$/;
  for (const text of [...watch.seen, ...watch.left().filter((one) => !kept.test(one))]) fail(text);
}
