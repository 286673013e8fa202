/** Runs the examples and the README's quick starts from their text, on a new account with the rights that the docs list. */
import { cpSync, globSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { startSimulator } from '../../simulator/index.ts';
import { GiB, MiB, qcow2 } from '../disk/build.ts';
import { attach, documented, statements } from '../support/features.ts';
import { bootSector, preload, ROOT, runnerEnv, smallDisk } from '../support/scene.ts';
import { runWorkflowJob, type Context, type Fixture, type Step, type WorkflowJob } from '../support/workflow.ts';

type Job = WorkflowJob & { strategy?: { matrix: { include: Record<string, string>[] } } };
interface Workflow {
  permissions: Record<string, string>;
  concurrency: string;
  jobs: Record<string, Job>;
}

const OWNER_ID = '583231';
const BUCKET = `image-import-${OWNER_ID}`;

const disk: Fixture = (workspace) => smallDisk(join(workspace, 'disk.raw'));
/** A QCOW2 whose first cluster holds a boot sector: an L2 table and a data cluster appended to an empty image. */
const bootable: Fixture = (workspace) => {
  const cluster = 65_536;
  const table = Buffer.alloc(cluster);
  const data = Buffer.alloc(cluster);
  table.writeBigUInt64BE((1n << 63n) | BigInt(5 * cluster));
  bootSector().copy(data);
  const empty = qcow2(3 * GiB, (image) => {
    image.writeBigUInt64BE((1n << 63n) | BigInt(4 * cluster), 3 * cluster);
    for (const used of [4, 5]) image.writeUInt16BE(1, 2 * cluster + used * 2);
  });
  writeFileSync(join(workspace, 'disk.qcow2'), Buffer.concat([empty, table, data]));
};
const nothing: Fixture = () => undefined;
const packerBuild: Fixture = async (workspace) => {
  mkdirSync(join(workspace, 'output-qemu'));
  const image = join(workspace, 'output-qemu/disk.raw');
  await smallDisk(image);
  // The manifest of the real run contains this size.
  truncateSync(image, 64 * MiB);
  cpSync(join(ROOT, '__tests__/disk/packer-manifest.json'), join(workspace, 'packer-manifest.json'));
};
/** Replacements for steps of other actions and for builds, which take long or need the internet. */
const FIXTURES: Record<string, Fixture> = {
  'curl -fLo disk.qcow2 https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2':
    bootable,
  'hashicorp/setup-packer@v3': nothing,
  'sudo apt-get update && sudo apt-get install --yes qemu-system-x86 qemu-utils': nothing,
  'sudo chmod 666 /dev/kvm': nothing,
  'packer init . && packer build .': packerBuild,
  'sudo apt-get update && sudo apt-get install --yes qemu-utils': nothing,
  './build-my-disk.sh disk.raw': disk,
  './build-my-disk.sh ${{ matrix.name }} disk.raw': disk,
  'qemu-img convert -c -O qcow2 disk.raw disk.qcow2': bootable,
  'actions/upload-artifact@v7': nothing,
  'actions/download-artifact@v8': bootable,
};
/** Commands that are run unchanged. */
const REAL = /^(\.\/|echo .*|actions\/checkout@v7)$/;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const quickStarts = [...read('README.md').matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
const examples = globSync('examples/*.yml', { cwd: ROOT }).map((path): [string, string] => [path, read(path)]);

/** A new account that trusts one ref of the repository and grants what the features need, as in docs/permissions.md. */
async function openAccount(features: string[], ref: string) {
  const simulator = await startSimulator({ speed: 60, origin: Date.now() });
  onTestFinished(() => simulator.close());
  const { world, account, oidc } = simulator;
  account.publicEndpointForbidden = true;
  const names = { '1234567890123456': account.id, packer: BUCKET };
  const granted = ['Import', 'A bucket that does not exist yet', ...features].flatMap((one) => statements(one, names));
  account.oidcProviders.push({
    arn: `acs:ram::${account.id}:oidc-provider/github`,
    issuer: 'https://token.actions.githubusercontent.com',
    audiences: ['sts.aliyuncs.com'],
  });
  oidc.subject = `repo:octo/images:ref:${ref}`;
  const trust = documented('Without a key: trust GitHub', { ...names, 'refs/heads/main': ref });
  attach(account, world.addRole(account, 'image-import', trust), 'image-import', granted);
  return { simulator, user: world.addUser(account, 'ci', granted) };
}

/** Runs all jobs of a workflow in the order of the file, each with all values of its matrix. */
async function play(text: string, features: string[] = [], event: Context = {}) {
  const { simulator, user } = await openAccount(features, event['github.ref'] ?? 'refs/heads/main');
  const ours = text.replaceAll('1234567890123456', simulator.account.id).replaceAll('org/alicloud-import@v1', './');
  // With the failsafe schema every scalar is a string, as in the runner.
  const workflow = parse(ours, { schema: 'failsafe' }) as Workflow;
  const context: Context = {
    'github.repository_owner_id': OWNER_ID,
    'github.run_number': '7',
    'github.sha': '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
    'github.event_name': 'push',
    'secrets.ALICLOUD_ACCESS_KEY': user.accessKeyId,
    'secrets.ALICLOUD_SECRET_KEY': user.secret,
    ...event,
  };
  let log = '';
  for (const [name, job] of Object.entries(workflow.jobs)) {
    // No other command of an example must run on this machine.
    const unknown = job.steps
      .map(({ run, uses = '' }) => run ?? uses)
      .filter((step) => !FIXTURES[step] && !REAL.test(step));
    expect(unknown).toEqual([]);
    const env = runnerEnv(simulator, user, { ALICLOUD_ACCESS_KEY: '', ALICLOUD_SECRET_KEY: '' });
    // GitHub sets these only for a job with the permission to request a token.
    if ((job.permissions ?? workflow.permissions)['id-token'] !== 'write')
      Object.assign(env, { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' });
    for (const matrix of job.strategy?.matrix.include ?? [undefined]) {
      const options = { context, env, nodeOptions: preload, fixtures: FIXTURES, ...(matrix && { matrix }) };
      const result = await runWorkflowJob(job, options);
      expect(
        result.steps.filter(([, conclusion]) => conclusion !== 'success'),
        result.log,
      ).toEqual([]);
      expect(result.log).not.toContain('##[warning]');
      log += result.log;
      for (const [output, value] of Object.entries(result.outputs)) context[`needs.${name}.outputs.${output}`] = value;
    }
  }
  expect(simulator.record.filter(({ violation }) => violation !== undefined)).toEqual([]);
  const bucket = simulator.world.bucket(BUCKET);
  expect([bucket?.objects.size ?? 0, bucket?.uploads.size ?? 0]).toEqual([0, 0]);
  const images = simulator.world.images.map(({ id, name, region, status }) => ({ id, name, region, status }));
  return { workflow, log, images, simulator };
}

const available = (name: string, region = 'cn-hongkong') => ({ name, region, status: 'Available' });

test.each([
  [0, 'debian-4242'],
  [1, 'base-4242'],
])('quick start %i of the README runs in a new account, without a key, one at a time', async (n, name) => {
  expect(quickStarts).toHaveLength(2);
  const { workflow, log, images } = await play(quickStarts[n] ?? '');
  expect(workflow).toMatchObject({
    on: { push: { branches: ['main'] } },
    permissions: { contents: 'read', 'id-token': 'write' },
    concurrency: 'image',
  });
  expect(images).toMatchObject([available(name)]);
  expect(log.split('\n')).toContain(images[0]?.id);
});

/** What each example needs besides an import, and what it makes. */
const EXAMPLES: Record<string, { features?: string[]; event?: Context; images: object[] }> = {
  'examples/artifact.yml': { images: [available('app-7')] },
  'examples/matrix.yml': {
    features: ['image_force_delete'],
    images: ['web', 'web-arm', 'db'].map((name) => available(name)),
  },
  'examples/regions.yml': {
    features: ['image_copy_regions', 'image_share_account'],
    event: { 'github.ref': 'refs/tags/v1.0.0', 'github.event.release.tag_name': 'v1.0.0' },
    images: ['cn-hongkong', 'cn-beijing', 'cn-shanghai'].map((region) => available('app-v1.0.0', region)),
  },
};

test.each(examples)('%s runs unchanged', async (path, text) => {
  const { features, event, images } = EXAMPLES[path] ?? { images: [] };
  const played = await play(text, features, event);
  expect(played.images).toMatchObject(images);
  expect(played.images.length).toBeGreaterThan(0);
  expect(played.workflow.concurrency).toBeTruthy();
});

test('the matrix example only runs the checks for a pull request', async () => {
  const event = { 'github.event_name': 'pull_request' };
  const { images, simulator } = await play(read('examples/matrix.yml'), ['image_force_delete'], event);
  expect(images).toEqual([]);
  expect(simulator.world.bucket(BUCKET)).toBeUndefined();
});

test('every fixture replaces a step that exists', () => {
  const texts = [...quickStarts, ...examples.map(([, text]) => text)];
  const steps = texts
    .flatMap((text) => Object.values((parse(text) as Workflow).jobs))
    .flatMap((job) => job.steps.map(({ run, uses }: Step) => run ?? uses));
  expect(Object.keys(FIXTURES).filter((name) => !steps.includes(name))).toEqual([]);
});
