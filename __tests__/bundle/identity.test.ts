import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { identities, type Identity } from '../support/identities.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

/** Results for one identity: a run and its post step, and for one identity of each kind a cancelled run and its post step. */
interface Story {
  identity: Identity;
  stages: Record<string, StageResult>;
  /** Statuses of the images that the cancelled run left. */
  left?: string[];
  /** All files of the job, by name. */
  files: Record<string, string>;
}

const CANCELLED = ['keys', 'oidc', 'role with keys', 'profile RamRoleArn', 'instance', 'ALICLOUD session'];
let crowd: Crowd;
let shim: string;
/** The secrets that the runner was told to mask so far, and the requests whose token was not among them. */
const masked = new Set<string>();
const used = new Set<string>();
const early: string[] = [];
const listen = (line: string): false => {
  if (line.startsWith('::add-mask::')) masked.add(line.slice(12));
  return false;
};
const stories = new Map<string, Story>();

beforeAll(async () => {
  crowd = await openCrowd({ speed: 40 });
  const { world } = crowd.simulator;
  crowd.simulator.after = ({ operation, params }) => {
    // The import must not end before it is cancelled.
    const task = operation === 'ecs:ImportImage' ? world.tasks.at(-1) : undefined;
    if (task && params?.ImageName?.endsWith('-cancelled')) task.ends += 3_600_000;
  };
  shim = mkdtempSync(join(tmpdir(), 'shim-'));
  spyOnChildren(shim);
  crowd.simulator.before = async ({ operation, headers, params }) => {
    const token = headers['x-oss-security-token'] ?? params?.SecurityToken;
    if (token !== undefined) used.add(token);
    for (let wait = 0; token !== undefined && !masked.has(token) && wait < 50; wait += 1) await pause(20);
    if (token !== undefined && !masked.has(token)) early.push(operation);
  };
  const limit = pLimit(3);
  await Promise.all(identities(crowd).map((identity, n) => limit(() => live(identity, `img-${n}`))));
}, 120_000);
afterAll(async () => {
  rmSync(shim, { recursive: true });
  await crowd.close();
});

/** A python3 that records its own and its parent's environment before it does its work. */
function spyOnChildren(directory: string): void {
  const script = `#!/bin/sh
{ tr '\\0' '\\n' </proc/$$/environ; tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$PPID/cmdline; } >"${directory}/seen-$$"
exec /usr/bin/env PATH=/usr/local/bin:/usr/bin:/bin python3 "$@"
`;
  writeFileSync(join(directory, 'python3'), script);
  chmodSync(join(directory, 'python3'), 0o755);
}

async function live(identity: Identity, image: string): Promise<void> {
  const { world } = crowd.simulator;
  const guest = crowd.job({ ...identity.env, PATH: `${shim}:${process.env.PATH ?? ''}`, RUNNER_DEBUG: '1' });
  const inputs = { ...identity.inputs, image_name: image };
  const heard = { cancelWhen: listen };
  const main = await guest.main(inputs, heard);
  const stages: Record<string, StageResult> = { main, post: await guest.post(inputs, heard) };
  const story: Story = { identity, stages, files: {} };
  if (CANCELLED.includes(identity.name)) {
    const again = { ...inputs, image_name: `${image}-cancelled` };
    stages.cancelled = await guest.main(again, {
      cancelWhen: (line) => {
        listen(line);
        return /Image m-\w+: Creating/.test(line);
      },
    });
    stages.after = await guest.post(again, heard);
    story.left = world.images.filter(({ name }) => name === again.image_name).map(({ status }) => status);
  }
  story.files = filesUnder(guest.job.temp);
  stories.set(identity.name, story);
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
    const { identity, stages } = story(name);
    const log = stages.main?.log ?? '';
    expect(log).not.toContain('##[error]');
    expect([stages.main?.conclusion, stages.post?.conclusion]).toEqual(['success', 'success']);
    const arn = `acs:ram::${crowd.account.id}:${identity.caller}`;
    expect(log).toContain(`Credentials from ${identity.from}.`);
    expect(log).toContain(`Account ${crowd.account.id}, as ${arn}.`);
    expect(log.includes('##[warning]A security token expires')).toBe(/session|Sts|TOKEN|with token/.test(name));
  });

  test('shows no secret', () => {
    const { stages, files } = story(name);
    const secrets = crowd.simulator.secrets();
    expect(secrets.length).toBeGreaterThan(20);
    const places: Record<string, string> = { ...files };
    for (const [stage, { raw, outputs, state, env, summary, files: commands }] of Object.entries(stages)) {
      const printed = raw.split('\n').filter((line) => !line.startsWith('::add-mask::'));
      places[`printed in ${stage}`] = printed.join('\n');
      places[`written in ${stage}`] = JSON.stringify({ outputs, state, env, summary, commands });
    }
    const leaks = Object.entries(places).flatMap(([place, text]) =>
      secrets.filter((secret) => text.includes(secret)).map((secret) => `${place}: ${secret.slice(0, 8)}`),
    );
    expect(leaks).toEqual([]);
  });
});

test.each(CANCELLED)('%s: post gets its own credentials and cleans up after a cancelled run', (name) => {
  const { stages, left } = story(name);
  expect(stages.cancelled?.conclusion).toBe('cancelled');
  expect(stages.after?.log).not.toMatch(/##\[(error|warning)\]/);
  expect(stages.after?.conclusion).toBe('success');
  expect(left).toEqual([]);
});

test('every request was made as the right identity', () => {
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
    ).toEqual([arn]);
  }
});

test('no request was invalid, late or unencrypted', () => {
  const { record } = crowd.simulator;
  expect(record.filter(({ violation }) => violation)).toEqual([]);
  const refused = record.filter(({ code = '', status }) => /Token|Key|Signature|Time/.test(code) && status >= 400);
  expect(
    refused.map(({ operation, code }) => `${operation} ${code ?? ''}`).filter((text) => !text.endsWith('NoSuchKey')),
  ).toEqual([]);
});

test('every token was masked before it was used', () => {
  const { world } = crowd.simulator;
  expect(early).toEqual([]);
  const derived = world.sessions.filter(({ token, name }) => used.has(token) && name !== 'made-before');
  const open = derived
    .flatMap(({ accessKeyId, secret, token }) => [accessKeyId, secret, token])
    .filter((one) => !masked.has(one));
  expect(derived.length).toBeGreaterThan(15);
  expect(open).toEqual([]);
});

test('each process requests its session once, however many clients need it', () => {
  const { record } = crowd.simulator;
  // On a busy machine, an answer may come too late and be requested again; the log shows that.
  const logs = [...stories.values()].flatMap(({ stages }) => Object.values(stages).map(({ log }) => log)).join('');
  const count = (operation: string) =>
    record.filter((one) => one.operation === operation).length - logs.split(`${operation} failed (try`).length + 1;
  expect(count('sts:AssumeRoleWithOIDC')).toBe(4);
  expect(count('sts:AssumeRole')).toBe(11);
  expect(count('metadata:PutToken')).toBe(7);
});

test('without version 2 of the metadata service, version 1 is used; never through a proxy', async () => {
  const { world, record } = crowd.simulator;
  world.instance = { account: crowd.account, region: 'cn-beijing', role: 'importer', v1: 'only' };
  const seen = record.length;
  const proxies = { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9', NODE_USE_ENV_PROXY: '1' };
  const main = await crowd.job(proxies).main({ ram_role_name: 'importer', image_name: 'v1' }, { cancelWhen: listen });
  expect(main.log).not.toContain('##[error]');
  expect(main.conclusion).toBe('success');
  const asked = record.slice(seen).filter(({ service }) => service === 'metadata');
  expect(asked.map(({ method, status }) => `${method} ${status}`)).toEqual(['PUT 404', 'GET 200']);
});

test('child processes get no secrets, and there were child processes', () => {
  const seen = readdirSync(shim).filter((name) => name.startsWith('seen-'));
  expect(seen.length).toBeGreaterThanOrEqual(NAMES.length);
  const text = seen.map((name) => readFileSync(join(shim, name), 'latin1')).join('\n');
  expect(text).toContain('dist/index.js');
  expect(crowd.simulator.secrets().filter((secret) => text.includes(secret))).toEqual([]);
  expect(text).not.toMatch(/^(INPUT_|ALICLOUD_|ALIBABA_|ACTIONS_|STATE_)/m);
});
