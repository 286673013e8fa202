import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { startSimulator, trusting, type Fault, type Simulator, type World } from '../../simulator/index.ts';
import { QUESTIONS } from '../../scripts/live/questions.ts';
import { ROOT } from '../support/scene.ts';
import { runWorkflowJob, type WorkflowJob, type WorkflowOptions, type WorkflowResult } from '../support/workflow.ts';

const SPEED = 60;
const FAST = pathToFileURL(join(ROOT, '__tests__/support/fast-time.ts')).href;
// With the failsafe schema every scalar is a string, as in the runner.
const workflow = parse(readFileSync(join(ROOT, '.github/workflows/live.yml'), 'utf8'), { schema: 'failsafe' }) as {
  on: object;
  permissions: object;
  jobs: { ask: WorkflowJob };
};
const job = workflow.jobs.ask;

/** The policy that CONTRIBUTING.md gives the role. */
const [, policy = ''] =
  /^## A live account$.*?^```json\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? [];
const { Statement: statements } = JSON.parse(policy) as {
  Statement: World['accounts'][0]['policies'][0]['statements'];
};

const REGION = 'ap-southeast-1';
const BUCKET = 'ours-in-the-mainland';

/** An account that trusts GitHub as in CONTRIBUTING.md, and that also holds resources of others. */
async function openAccount(denied: string[] = []) {
  const simulator = await startSimulator({ speed: SPEED, importSeconds: 20, copySeconds: 60 });
  onTestFinished(() => simulator.close());
  const { world, account, oidc } = simulator;
  const issuer = 'https://token.actions.githubusercontent.com';
  const arn = `acs:ram::${account.id}:oidc-provider/github`;
  account.oidcProviders.push({ arn, issuer, audiences: ['sts.aliyuncs.com'] });
  oidc.subject = `repo:octo/images:environment:${job.environment ?? ''}`;
  const claims = {
    'oidc:iss': issuer,
    'oidc:aud': 'sts.aliyuncs.com',
    'oidc:sub': 'repo:octo/images:environment:live',
  };
  const denial = { Effect: 'Deny', Action: denied, Resource: '*' } as const;
  const all = denied.length > 0 ? [...statements, denial] : statements;
  account.policies.push({ type: 'Custom', name: 'live', statements: all });
  world.addRole(account, 'live', trusting({ Federated: [arn] }, { StringEquals: claims }), ['live']);
  // Of another run, whose id begins with this run's id.
  world.addImage(account, 'alicloud-import-live-42420-image', { region: REGION });
  world.addBucket(account, 'alicloud-import-live-42420-disk', { region: REGION });
  world.addBucket(account, BUCKET, { accelerated: true });
  const options: WorkflowOptions = {
    inputs: {
      region: REGION,
      ram_role_arn: `acs:ram::${account.id}:role/live`,
      oidc_provider_arn: arn,
      accelerated_bucket: '',
    },
    env: simulator.env,
    nodeOptions: `--import=${FAST}`,
  };
  const run = async (more: Partial<WorkflowOptions> = {}) => {
    const before = inventory(simulator);
    const result = await runWorkflowJob(job, { ...options, ...more });
    expect(inventory(simulator), result.log).toEqual(before);
    expect(simulator.secrets().filter((secret) => result.shown.includes(secret))).toEqual([]);
    expect(simulator.record.filter(({ violation }) => violation !== undefined)).toEqual([]);
    return { ...result, answers: answersOf(result.summary) };
  };
  return { simulator, options, run };
}

/** Everything in the account that a run could leave behind. */
function inventory({ world, account }: Simulator) {
  return {
    buckets: world.buckets.map(({ name, objects, uploads }) => [name, [...objects.keys()], uploads.size]),
    images: world.images.map(({ name }) => name),
    snapshots: world.snapshots.map(({ id }) => id),
    roles: account.roles.map(({ name }) => name),
  };
}

/** The table of the job summary. */
function answersOf(summary: string): Record<number, string> {
  const rows = [...summary.matchAll(/^\| (\d+) \| .*? \| (.*) \|$/gm)];
  return Object.fromEntries(rows.map(([, number = '', answer = '']): [string, string] => [number, answer]));
}

const ALL = Object.keys(QUESTIONS);
const SUCCESS = Array.from({ length: 5 }, () => 'success');
const REFUSED = /AccessDenied|Forbidden|NoPermission/;
const conclusions = ({ steps }: WorkflowResult) => steps.map(([, conclusion]) => conclusion);

test('every question is answered in summary and log; only a person can start the workflow, and it needs no key', async () => {
  expect(workflow.on).toEqual({ workflow_dispatch: expect.anything() as unknown });
  expect(workflow.permissions).toEqual({});
  expect(job.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
  const { run, simulator } = await openAccount();
  const result = await run();
  expect(conclusions(result)).toEqual(SUCCESS);
  const { answers, log, summary } = result;
  expect(Object.keys(answers)).toEqual(ALL);
  for (const row of summary.trim().split('\n').slice(2)) expect(log).toContain(row);
  expect(answers[1]).toBe('not asked: accelerated_bucket is empty');
  expect(answers[9]).toMatch(/^not asked: .* off in ap-southeast-1/);
  // What the simulator assumes, each with its place in the code.
  expect(answers[2]).toMatch(
    /^dry runs take \.raw \.vhd \.qcow2 \.img \.zip none; they refuse \.vmdk .*UnsupportedSuffix/,
  );
  expect(answers[3]?.match(/EncryptUnsupported/g)).toHaveLength(2);
  expect(answers[4]).toMatch(/^at the call: ecs:ImportImage: InvalidImageSize, .* RequestId [\w-]+$/);
  expect(answers[5]).toMatch(/^DryRunOperation/);
  expect(answers[6]).toMatch(/^object: checked .*InvalidOSSObject\.NotFound.*; role: checked .*NoSetRole/);
  expect(answers[7]).toMatch(/^after [\d.]+ s the image is gone, the task Deleted$/);
  expect(answers[8]).toMatch(/^an import is taken [\d.]+ s after Complete; so are 5 of 5 dry runs$/);
  expect(answers[10]).toMatch(/^Creating .*: the tag is there, ImportOSSObject is fresh\.raw$/);
  expect(answers[11]).toBe('with ecs:ImportImage alone, untagged: taken; tagged: taken');
  expect(answers[12]).toMatch(/^yes: Available after [\d.]+ s, its snapshots are Encrypted: true$/);
  expect(answers[13]).toContain('"Resource":"\\*"');
  expect(answers[14]).toMatch(/^(\d+ ms, ){4}\d+ ms; 5 of 5 answers carry the CRC$/);
  // The policy allows only what is needed.
  const asked = new Set(simulator.record.flatMap(({ ramActions }) => ramActions));
  const allowed = statements.flatMap(({ Action }) => Action).filter((action) => action !== 'oss:*');
  expect(allowed.filter((action) => !asked.has(action))).toEqual(['ecs:DescribeTaskAttribute', 'ecs:CancelCopyImage']);
});

test('questions that need another kind of account are asked where it exists', async () => {
  const { run, simulator, options } = await openAccount();
  const { account } = simulator;
  Object.assign(account, { publicEndpointForbidden: true, diskEncryptionByDefault: true });
  const resources = [`acs:oss:*:*:${BUCKET}`, `acs:oss:*:*:${BUCKET}/alicloud-import-live-*`];
  account.policies[0]?.statements.push({ Effect: 'Allow', Action: 'oss:*', Resource: resources });
  const { answers } = await run({ inputs: { ...options.inputs, accelerated_bucket: BUCKET } });
  expect(answers[1]).toMatch(
    /oss-cn-beijing\.aliyuncs\.com: .*PublicEndpointForbidden.*; oss-accelerate\.aliyuncs\.com: an object is taken/,
  );
  expect(answers[9]).toMatch(/^yes, with the setting on: m-\w+$/);
});

/** Denied actions, each with the number of the question that then has no answer. */
const DENIED = {
  'oss:PutBucketEncryption': 3,
  'ecs:CancelTask': 7,
  'ecs:DescribeDiskEncryptionByDefaultStatus': 9,
  'ecs:CopyImage': 12,
  'ram:GetPolicy': 13,
};
test('when rights are missing, the other questions are answered, and nothing is left', async () => {
  const { run } = await openAccount([...Object.keys(DENIED), 'ram:GetRole']);
  const result = await run();
  expect(conclusions(result)).toEqual(SUCCESS);
  expect(Object.keys(result.answers)).toEqual(ALL);
  const refused = Object.entries(result.answers).filter(([, answer]) => REFUSED.test(answer));
  expect(refused.map(([number]) => Number(number))).toEqual(Object.values(DENIED));
  for (const [, answer] of refused) expect(answer).toMatch(/, RequestId [\w-]+$/);
});

test('a failed action fails the job, and the questions that need no image are answered', async () => {
  const { run, simulator } = await openAccount();
  const fault: Fault = { operation: 'ecs:ImportImage', nth: 1, kind: 'error', code: 'InvalidPlatform.Malformed' };
  simulator.faults.push(fault);
  const result = await run();
  expect(conclusions(result)).toEqual(['success', 'failure', 'success', 'success', 'success']);
  expect(result.answers[12]).toBe('not asked: the action made no image');
  expect(result.answers[7]).toContain('the image is gone');
});

/** The job is cancelled at the last of these lines. */
const CANCELLED: [place: string, lines: RegExp[]][] = [
  ['the import of the action', [/^Image m-\w+: Creating/]],
  ['an import of a question', [/^Question 8/]],
  ['the copy', [/^Question 11/, /^Image m-/]],
];
test.each(CANCELLED)('cancelled in %s, a job leaves nothing', async (place, lines) => {
  const { run, simulator } = await openAccount();
  const awaited = [...lines];
  const cancelWhen = (line: string) => {
    if (awaited[0]?.test(line)) awaited.shift();
    return awaited.length === 0;
  };
  const result = await run({ cancelWhen });
  expect(conclusions(result)).toContain('cancelled');
  expect(result.steps.find(([name]) => name.endsWith('clean'))?.[1]).toBe('success');
  const cancelled = simulator.record.some(({ operation }) => operation === 'ecs:CancelCopyImage');
  expect(cancelled).toBe(place === 'the copy');
});

test('without an import role the job stops before it makes anything, because the role would remain', async () => {
  const { run, simulator } = await openAccount();
  const { account } = simulator;
  account.roles = account.roles.filter(({ name }) => name === 'live');
  const result = await run();
  expect(result.steps).toEqual([
    ['node scripts/live/main.ts prepare', 'failure'],
    ['node scripts/live/main.ts clean', 'success'],
  ]);
  expect(result.log).toContain('The import role does not exist');
});

test('what cannot be deleted is reported and fails the job, and a re-run deletes it', async () => {
  const { simulator, options } = await openAccount();
  const { world, account, faults } = simulator;
  const name = 'alicloud-import-live-4242-disk';
  world.addBucket(account, name, { region: REGION });
  const cleanUp = { ...job, steps: job.steps.slice(-1) };
  faults.push({ operation: 'oss:DeleteBucket', kind: 'error', code: 'AccessDenied', status: 403 });
  const failed = await runWorkflowJob(cleanUp, options);
  expect(failed.steps).toEqual([['node scripts/live/main.ts clean', 'failure']]);
  expect(failed.log).toMatch(new RegExp(`Left behind:.*the bucket ${name}: oss:DeleteBucket: AccessDenied`, 's'));
  faults.length = 0;
  expect(conclusions(await runWorkflowJob(cleanUp, options))).toEqual(['success']);
  expect(world.bucket(name)).toBeUndefined();
});
