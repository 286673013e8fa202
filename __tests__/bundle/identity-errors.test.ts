import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { mistakesOf, type Mistake } from '../support/mistakes.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

let crowd: Crowd;
let mistakes: Record<string, Mistake>;
const ended = new Map<string, StageResult>();
const sent = new Map<string, number>();

beforeAll(async () => {
  crowd = await openCrowd({ speed: 40 });
  mistakes = mistakesOf(crowd);
  writeFileSync(join(crowd.workspace, 'not.json'), `[default]\nsecret = ${crowd.user.secret}`);
  const { record } = crowd.simulator;
  const quiet = Object.entries(mistakes).filter(([, mistake]) => mistake.quiet);
  const asking = Object.entries(mistakes).filter(([, mistake]) => !mistake.quiet);
  const limit = pLimit(3);
  const make = async ([name, { inputs = {}, env = {} }]: [string, Mistake]) => {
    ended.set(name, await crowd.job(env).main(inputs));
  };
  await Promise.all(quiet.map((one) => limit(() => make(one))));
  sent.set('quiet', record.length);
  await Promise.all(asking.map((one) => limit(() => make(one))));
}, 120_000);
afterAll(() => crowd.close());

const NAMES = Object.keys(
  mistakesOf({
    workspace: '',
    simulator: { world: { addRole: () => 0, addUser: () => ({}) } },
    account: { oidcProviders: [] },
    user: {},
    session: {},
    stranger: {},
  } as never),
);

test.each(NAMES)('%s: one error with the source and the fix', (name) => {
  const { log, raw, conclusion, summary, outputs } = ended.get(name) ?? ({} as Partial<StageResult>);
  expect(conclusion).toBe('failure');
  const errors = (raw ?? '').split('\n').filter((line) => line.startsWith('::error::'));
  expect(errors).toHaveLength(1);
  for (const said of mistakes[name]?.says ?? []) expect(errors[0]).toMatch(said);
  expect(log).not.toMatch(/Unexpected|undefined|\[object/);
  const secrets = [...crowd.simulator.secrets(), 'mistyped-secret', 'stale-request-token', 'nothing\n'];
  const shown = (raw ?? '').replace(/^::add-mask::.*$/gm, '') + (summary ?? '') + JSON.stringify(outputs);
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
});

test('mistakes that are visible in the inputs are found without a request', () => {
  expect(sent.get('quiet')).toBe(0);
});

test('no run used the credentials of another account', () => {
  const { record, world } = crowd.simulator;
  expect(record.filter(({ caller }) => caller?.includes(crowd.strangers.id))).toEqual([]);
  expect(record.filter(({ operation }) => /Import|Upload|Put(Bucket|Object)/.test(operation))).toEqual([]);
  expect(world.images).toEqual([]);
});
