import { expect, test } from 'vitest';
import { arrange, type Arranged, type Variant } from '../support/endings.ts';
import { fingerprint, fork, inParallel, killAt, pointsOf } from '../support/kill.ts';

const FORCE = { image_force_delete: 'true' };
const VARIANTS: Variant[] = [
  { title: 'an old image is replaced', inputs: FORCE, old: true },
  { title: 'no image holds the name' },
  { title: 'the staged object is kept', inputs: { ...FORCE, skip_clean: 'true' }, old: true },
  { title: "the key is the user's", inputs: { ...FORCE, oss_key_name: 'images/disk.raw' }, old: true },
  { title: 'bucket and role are missing', bare: true },
  { title: 'the image is encrypted', inputs: { ...FORCE, image_encrypted: 'true' }, old: true, only: /^ecs:/ },
  { title: 'the image is copied', inputs: { ...FORCE, image_copy_regions: 'cn-hangzhou' }, old: true, only: /^ecs:/ },
  {
    title: 'zeros are copied inside the bucket',
    zeros: true,
    only: /^oss:(Put|Init|Complete|Delete|UploadPartCopy#(1|2|33|65)$)/,
  },
];
/** An operation that is repeated until time has done its work. */
const POLLED = /:(Describe\w+|ImportImage)$/;
/** An operation that changes nothing: killed before it or after it, cloud and process are the same. */
const READS = /:(Get|List|Head|Describe)| DryRun$/;

test.each(VARIANTS)(
  'killed at any request, nothing is left and nothing lost: $title',
  { timeout: 300_000 },
  async (variant) => {
    const started = performance.now();
    const clean = await arrange(variant);
    const main = await clean.scene.main();
    expect(main.conclusion, main.log).toBe('success');
    const points = pointsOf(clean.scene.simulator.record);
    await clean.scene.close();
    const wanted = points.filter(({ operation, nth }) => variant.only?.test(`${operation}#${nth}`) ?? true);
    const kills = wanted.flatMap((point) => {
      const ways = READS.test(point.operation) ? (['before'] as const) : (['before', 'after'] as const);
      return ways.map((when) => ({ ...point, when }));
    });
    const failures: string[] = [];
    const states = new Set<string>();
    let missed = 0;
    await inParallel(kills, 6, async ({ when, ...point }) => {
      const killed = await arrange(variant);
      const { hit, state } = await killAt(killed, point, when);
      const fail = (how: string) => (text: string) =>
        failures.push(`${when} ${point.operation}#${point.nth}, ${how}: ${text}`);
      // A run that polled once less, or found the role to have spread sooner.
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

/** Warnings, but for those that name an unfinished upload under a key of the user's: whose it is cannot be known. */
const unexpected = (log: string): string[] =>
  log.split('\n').filter((line) => line.includes('##[warning]') && !/(abort|list)-multipart-upload/.test(line));

/** What an ending may leave: what skip_clean keeps, an upload under a key of the user's, a copy that goes on. */
function mayStay({ inputs = {} }: Variant): RegExp {
  if (inputs.skip_clean === 'true') return /^(object|upload) \S+\/disk\.raw$/;
  if (inputs.oss_key_name !== undefined) return /^upload images\/disk\.raw$/;
  return inputs.image_copy_regions === undefined ? /^$/ : /^image packer_import Creating$/;
}

/** The runner's post step, with the state that the killed process had saved. */
async function byPost({ scene, watch, old }: Arranged, variant: Variant, fail: Fail): Promise<void> {
  const { conclusion, log } = await scene.post();
  if (conclusion !== 'success' || unexpected(log).length > 0) fail(log);
  if (old !== undefined && watch.holders().length !== 1) fail('no image has the name');
  common(watch, variant, fail);
}

/** A second attempt of the run, on a runner that knows nothing of the first, and its post step. */
async function byAttempt({ scene, watch, old }: Arranged, variant: Variant, fail: Fail): Promise<void> {
  const again = { env: { GITHUB_RUN_ATTEMPT: '2' } };
  const { conclusion, log, outputs } = await scene.main({}, again);
  if (conclusion !== 'success' || unexpected(log).length > 0) fail(log);
  const [holder] = watch.holders();
  if (holder === undefined || holder.id !== outputs.image_id || holder.id === old?.id)
    fail('the new image has not the name');
  const post = await scene.post({}, again);
  if (post.conclusion !== 'success' || !post.log.includes('Nothing is left')) fail(post.log);
  common(watch, variant, fail);
}

function common(watch: Arranged['watch'], variant: Variant, fail: Fail): void {
  const kept = mayStay(variant);
  for (const text of [...watch.seen, ...watch.left().filter((one) => !kept.test(one))]) fail(text);
}
