import { expect, test } from 'vitest';
import type { Fault, RecordedRequest } from '../../simulator/index.ts';
import type { StageResult } from '../../runner/job.ts';
import { arrange, leftFor, NAME, type Arranged, type Variant } from '../support/endings.ts';
import { inParallel } from '../support/kill.ts';

const KINDS = 'reset stall status-500 status-503 throttling html truncated expired-token clock-skew wrong-shape';
/** `npm run test:matrix` has all pairs, and `npm test` one in so many: each operation gets one fault. */
const STRIDE = process.env.MATRIX === 'whole' ? 1 : 20;
/** Much of the time is spent waiting for faults that do not end. */
const SPEED = 60;
const MINUTE = 60_000;
/** Simulated time: an upload gives up after 15 minutes without progress, any other call after at most three and a half. */
const LONGEST_RUN = 40 * MINUTE;
const LONGEST_POST = 4 * MINUTE;

const inputs = { image_force_delete: 'true', timeout_minutes: '10' };
/** Together these make every request that a successful run can make. */
const VARIANTS: Variant[] = [
  { title: 'replacing', inputs, old: true },
  { title: 'with zeros', inputs, old: true, zeros: true },
  { title: 'from nothing', inputs, bare: true },
];

interface Pair {
  variant: Variant;
  operation: string;
  kind: Fault['kind'];
  often: 'once' | 'always';
}

test(
  'whatever request fails, a run ends in time, reports the cause once, and leaves nothing',
  { timeout: 1_200_000 },
  async () => {
    const started = performance.now();
    const pairs = await allPairs();
    const wanted = pairs.filter((_, at) => at % STRIDE === Math.floor(at / 20) % STRIDE);
    const failures: string[] = [];
    const ends = new Map<string, number>();
    await inParallel(wanted, 8, async (pair) => {
      const end = await tryPair(pair, (text) => failures.push(`${name(pair)}: ${text}`));
      ends.set(end, (ends.get(end) ?? 0) + 1);
    });
    const seconds = Math.round((performance.now() - started) / 1000);
    const tally = [...ends].map(([end, count]) => `${count} ${end}`).join(', ');
    console.log(
      `Fault matrix: ${wanted.length} of ${pairs.length} pairs: ${tally}; ${failures.length} failures, ${seconds} s`,
    );
    expect(failures).toEqual([]);
  },
);

const name = ({ operation, kind, often }: Pair) => `${operation} ${kind} ${often}`;

/** Each operation, in the first variant that makes it, with each kind of fault, once and always. */
async function allPairs(): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (const variant of VARIANTS) {
    const { scene } = await arrange(variant, { speed: SPEED });
    const { conclusion, log } = await scene.main();
    expect(conclusion, log).toBe('success');
    const operations = new Set(scene.simulator.record.map(({ operation }) => operation));
    await scene.close();
    for (const operation of operations) {
      if (pairs.some((pair) => pair.operation === operation)) continue;
      for (const kind of KINDS.split(' ') as Fault['kind'][])
        for (const often of ['once', 'always'] as const) pairs.push({ variant, operation, kind, often });
    }
  }
  return pairs;
}

/** Runs one pair. @returns how the run ended */
async function tryPair({ variant, operation, kind, often }: Pair, fail: (text: string) => void): Promise<string> {
  const arranged = await arrange(variant, { speed: SPEED });
  const { scene, watch } = arranged;
  const { simulator } = scene;
  simulator.faults.push({ operation, kind, ...(often === 'once' && { nth: 1 }) });
  simulator.after = (request) => {
    watch.look(request);
  };
  const main = await scene.main();
  const inMain = simulator.record.length;
  // With an empty state, post sends nothing.
  const post = leftFor(main.state).length === 0 ? main : await scene.post();
  const errors = main.commands.filter(({ command }) => command === 'error');
  if (errors.length !== (main.conclusion === 'success' ? 0 : 1)) fail(`${errors.length} errors\n${main.log}`);
  if (post !== main && post.conclusion !== 'success') fail(post.log);
  if (span(simulator.record.slice(0, inMain)) > LONGEST_RUN) fail(`took too long\n${main.log}`);
  if (span(simulator.record.slice(inMain)) > LONGEST_POST) fail(`post took too long\n${post.log}`);
  for (const text of [...watch.seen, ...secretsIn(arranged, [main, post])]) fail(text);
  for (const { log } of [main, post]) {
    if (/\[object |\bundefined\b|\bNaN\b|Unexpected:/.test(log)) fail(log);
  }
  if (watch.holders().length !== (variant.old || main.outputs.image_id ? 1 : 0))
    fail(`${watch.holders().length} images hold ${NAME}\n${main.log}`);
  const left = watch.left();
  const waits = errors.some(({ message }) => message.includes('WaitTimedOut'));
  const unnamed = waits ? [] : left.filter((one) => !isNamed(arranged, one, [main, post]));
  if (unnamed.length > 0) fail(`left: ${unnamed.join(', ')}\n${main.log}\n${post.log}`);
  await scene.close();
  const end = main.conclusion === 'success' ? 'succeeded' : 'failed';
  return left.length === 0 ? end : `${end} and ${waits ? 'wait on' : 'named what stays'}`;
}

const span = (record: RecordedRequest[]) => (record.at(-1)?.at ?? 0) - (record[0]?.at ?? 0);

/** Secrets in what was printed or written, except in the command that masks them. */
function secretsIn({ scene }: Arranged, stages: StageResult[]): string[] {
  const texts = stages.flatMap(({ raw, files }) => [raw.replace(/^::add-mask::.*$/gm, ''), ...Object.values(files)]);
  return scene.simulator.secrets().filter((secret) => texts.some((text) => text.includes(secret)));
}

/** Whether an annotation names the resource, or the image of the task, together with a command. */
function isNamed({ watch }: Arranged, left: string, stages: StageResult[]): boolean {
  const said = stages.flatMap(({ commands }) => commands.filter(({ command }) => /warning|error/.test(command)));
  const image = watch.mine().find((one) => left.includes(one.name) || left.includes(one.id));
  const names = image === undefined ? [left.split(' ')[1] ?? ''] : [image.id, image.name];
  return said.some(({ message }) => names.some((one) => message.includes(one)) && /: (ossutil|aliyun) /.test(message));
}
