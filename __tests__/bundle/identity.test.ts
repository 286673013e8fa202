import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StageResult } from '../../simulator/runner.ts';
import { identities, type Identity } from '../support/identities.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

/** What one identity came to: a run that is cancelled in the middle of the import, its post step, and a run that is not. */
interface Story {
  identity: Identity;
  cancelled: StageResult;
  after: StageResult;
  left: string[];
  main: StageResult;
  post: StageResult;
  /** Everything on the disk of the job, by file name. */
  files: Record<string, string>;
}

let crowd: Crowd;
let shim: string;
const stories = new Map<string, Story>();

beforeAll(async () => {
  crowd = await openCrowd();
  shim = mkdtempSync(join(tmpdir(), 'shim-'));
  spyOnChildren(shim);
  const limit = pLimit(4);
  await Promise.all(identities(crowd).map((identity, n) => limit(() => live(identity, `img-${n}`))));
}, 120_000);
afterAll(async () => {
  rmSync(shim, { recursive: true });
  await crowd.close();
});

/** A python3 that writes down what it and its parent were given, before it does its work. */
function spyOnChildren(directory: string): void {
  const script = `#!/bin/sh
{ tr '\\0' '\\n' </proc/$$/environ; tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$PPID/cmdline; } >"${directory}/seen-$$"
exec /usr/bin/env PATH=/usr/local/bin:/usr/bin:/bin python3 "$@"
`;
  writeFileSync(join(directory, 'python3'), script);
  chmodSync(join(directory, 'python3'), 0o755);
}

async function live(identity: Identity, image: string): Promise<void> {
  const { simulator } = crowd;
  const guest = crowd.job({ ...identity.env, PATH: `${shim}:${process.env.PATH ?? ''}`, RUNNER_DEBUG: '1' });
  const inputs = { ...identity.inputs, image_name: image };
  const cancelled = await guest.main(inputs, { cancelWhen: (line) => /Image m-\w+: Creating/.test(line) });
  const after = await guest.post(inputs);
  const left = simulator.world.images.filter(({ name }) => name === image).map(({ status }) => status);
  const main = await guest.main(inputs);
  const post = await guest.post(inputs);
  stories.set(identity.name, { identity, cancelled, after, left, main, post, files: filesUnder(guest.job.temp) });
}

function filesUnder(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
  const files = paths.filter((path) => statSync(path).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(path, 'latin1')]));
}

const story = (name: string): Story => {
  const found = stories.get(name);
  if (found === undefined) throw new Error(`no story of ${name}`);
  return found;
};

const NAMES = identities({
  account: {},
  user: {},
  role: {},
  roleArn: '',
  providerArn: '',
  session: {},
  stranger: {},
  strangers: {},
} as never).map(({ name }) => name);

describe.each(NAMES)('%s', (name) => {
  test('imports as the one who was named, and says who that is', () => {
    const { identity, main, post } = story(name);
    expect(main.log).not.toContain('##[error]');
    expect([main.conclusion, post.conclusion]).toEqual(['success', 'success']);
    const arn = `acs:ram::${crowd.account.id}:${identity.caller}`;
    expect(main.log).toContain(`Credentials from ${identity.from}.`);
    expect(main.log).toContain(`Account ${crowd.account.id}, as ${arn}.`);
  });

  test('cleans up after a cancelled run with credentials of its own', () => {
    const { cancelled, after, left } = story(name);
    expect(cancelled.conclusion).toBe('cancelled');
    expect(after.log).not.toMatch(/##\[(error|warning)\]/);
    expect(after.conclusion).toBe('success');
    expect(left).toEqual([]);
  });

  test('shows no secret', () => {
    const { cancelled, after, main, post, files } = story(name);
    const secrets = crowd.simulator.secrets();
    expect(secrets.length).toBeGreaterThan(20);
    const places: Record<string, string> = { ...files };
    for (const [stage, result] of Object.entries({ cancelled, after, main, post })) {
      const printed = result.raw.split('\n').filter((line) => !line.startsWith('::add-mask::'));
      const { outputs, state, env, summary, files: commands } = result;
      places[`printed in ${stage}`] = printed.join('\n');
      places[`written in ${stage}`] = JSON.stringify({ outputs, state, env, summary, commands });
    }
    const leaks = Object.entries(places).flatMap(([place, text]) =>
      secrets.filter((secret) => text.includes(secret)).map((secret) => `${place}: ${secret.slice(0, 8)}`),
    );
    expect(leaks).toEqual([]);
  });
});

test('nobody acted as somebody else', () => {
  const { record } = crowd.simulator;
  const callers = new Set(record.map(({ caller }) => caller).filter((caller) => caller?.includes(crowd.strangers.id)));
  expect([...callers]).toEqual([]);
  for (const { identity } of stories.values()) {
    const image = `img-${NAMES.indexOf(identity.name)}`;
    const imports = record.filter(
      ({ operation, params }) => operation === 'ecs:ImportImage' && params?.ImageName === image,
    );
    const arn = `acs:ram::${crowd.account.id}:${identity.caller}`;
    expect(
      imports.map(({ caller }) => caller),
      identity.name,
    ).toEqual([arn, arn]);
  }
});

test('no request was wrong, late or in the clear', () => {
  const { record } = crowd.simulator;
  expect(record.filter(({ violation }) => violation)).toEqual([]);
  const refused = record.filter(({ code = '', status }) => /Token|Key|Signature|Time/.test(code) && status >= 400);
  expect(
    refused.map(({ operation, code }) => `${operation} ${code ?? ''}`).filter((text) => !text.endsWith('NoSuchKey')),
  ).toEqual([]);
});

test('children get no secret, and there were children', () => {
  const seen = readdirSync(shim).filter((name) => name.startsWith('seen-'));
  expect(seen.length).toBeGreaterThanOrEqual(NAMES.length);
  const text = seen.map((name) => readFileSync(join(shim, name), 'latin1')).join('\n');
  expect(text).toContain('dist/index.js');
  expect(crowd.simulator.secrets().filter((secret) => text.includes(secret))).toEqual([]);
  expect(text).not.toMatch(/^(INPUT_|ALICLOUD_|ALIBABA_|ACTIONS_|STATE_)/m);
});
