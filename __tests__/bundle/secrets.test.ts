import { expect, test } from 'vitest';
import { addSession, type Fault } from '../../simulator/index.ts';
import type { StageResult } from '../../runner/job.ts';
import { quickScene } from '../support/quick.ts';
import type { Scene, SceneOptions } from '../support/scene.ts';

const DEBUG = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' };
const OLD = { image_name: 'nightly', image_force_delete: 'true', oss_bucket_name: 'staging' };

/** A job with a session token behind a proxy with a password, in debug mode: with all kinds of secrets. */
async function secretScene(options: SceneOptions = {}): Promise<Scene> {
  const scene = await quickScene({
    proxyUser: 'us er:pa:ss/w@rd%41',
    rolePropagationSeconds: 1,
    user: ({ world, account }) => {
      const role = world.addRole(account, 'builder', '{"Statement":[]}', ['AdministratorAccess']);
      const { accessKeyId, secret, token } = addSession(world, account, role, 'job', 360_000);
      return { ...world.addUser(account, token), accessKeyId, secret };
    },
    env: DEBUG,
    ...options,
  });
  return scene;
}

/** The keys of the session, as inputs. */
function session({ simulator }: Scene): Record<string, string> {
  const [{ accessKeyId, secret, token } = { accessKeyId: '', secret: '', token: '' }] = simulator.world.sessions;
  return { access_key: accessKeyId, secret_key: secret, security_token: token };
}

/** A cloud in which a run needs every call: no bucket, no role, an old image. */
function reset({ simulator }: Scene): void {
  const { world, account } = simulator;
  account.roles = account.roles.filter(({ name }) => name === 'builder');
  world.buckets = [];
  world.images = [];
  world.tasks = [];
  world.addImage(account, 'nightly');
}

/** What a run printed or saved, except the only command that may contain secrets. */
function leaks(scene: Scene, ...results: StageResult[]): string[] {
  const encoded = (text: string) => [text, encodeURIComponent(text), encodeURIComponent(encodeURIComponent(text))];
  const secrets = new Set(scene.simulator.secrets().flatMap(encoded));
  const texts = results.flatMap(({ raw, files, log, summary, outputs, state }) => [
    raw.replace(/^::add-mask::.*$/gm, ''),
    log,
    summary,
    JSON.stringify([outputs, state]),
    ...Object.values(files),
  ]);
  return [...secrets].filter((secret) => texts.some((text) => text.includes(secret)));
}

/** Runs main and post; the faults have a message that echoes the whole request. */
async function run(scene: Scene, id: number, faults: Fault[], inputs: Record<string, string> = {}) {
  const { simulator } = scene;
  reset(scene);
  simulator.faults.splice(0, Infinity, ...faults);
  simulator.before = ({ params, headers, query }) => {
    const sent = { ...params, ...headers, ...query };
    const pairs = Object.entries(sent).map(([name, value]) => `${name}=${value}`);
    const message = [JSON.stringify(sent), pairs.join('&'), encodeURIComponent(pairs.join('&')), pairs.join('\n')];
    for (const fault of faults) if (fault.kind === 'error') fault.message = message[id % message.length] ?? '';
  };
  const options = { env: { GITHUB_RUN_ID: String(id) } };
  const given = { ...OLD, ...session(scene), ...inputs };
  const main = await scene.main(given, options);
  // After a success there is nothing to do.
  const more = main.conclusion === 'success' && id > 1 ? [] : [await scene.post(given, options)];
  return { main, results: [main, ...more] };
}

test('no secret is printed or saved: success, and each call denied by a server that echoes the request', async () => {
  const scene = await secretScene();
  const whole = await run(scene, 1, []);
  expect(whole.main.conclusion, whole.main.log).toBe('success');
  const found: Record<string, string[]> = { success: leaks(scene, ...whole.results) };
  const operations = [...new Set(scene.simulator.record.map(({ operation }) => operation))];
  expect(operations.length).toBeGreaterThan(15);
  const endings: string[] = [];
  for (const [at, operation] of operations.entries()) {
    const code = operation.startsWith('oss:') ? 'AccessDenied' : 'Forbidden.RAM';
    const { main, results } = await run(scene, at + 2, [{ operation, kind: 'error', code, status: 403 }]);
    found[operation] = leaks(scene, ...results);
    endings.push(main.conclusion);
  }
  expect(endings).toContain('failure');
  expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, []])));
  // The test would find secrets: the masks are in the output, and the token is one of them.
  expect(whole.main.raw).toContain(`::add-mask::${session(scene).security_token ?? '?'}`);
}, 180_000);

test.each<[string, Fault[], Record<string, string>]>([
  ['wrong secret, string to sign echoed', [], { access_key: 'INPUT', secret_key: 'wrong-secret-wrong-secret' }],
  ['HTML pages', [{ operation: '*', kind: 'html', status: 403 }], {}],
  ['502 pages from ECS', [{ operation: 'ecs:*', kind: 'html' }], {}],
  ['server errors', [{ operation: 'oss:CompleteMultipartUpload', kind: 'status-500' }], {}],
  [
    'an echo of the string to sign',
    [{ operation: 'oss:GetBucketInfo', kind: 'error', code: 'SignatureDoesNotMatch', status: 403 }],
    {},
  ],
  ['resets', [{ operation: 'ecs:ImportImage', kind: 'reset', when: 'after' }], {}],
  ['answers of another shape', [{ operation: 'oss:InitiateMultipartUpload', kind: 'wrong-shape' }], {}],
  ['a broken part', [{ operation: 'oss:UploadPart', kind: 'corrupt', nth: 1 }], {}],
  [
    'an expired token',
    [
      { operation: 'ecs:DescribeTasks', kind: 'expired-token' },
      { operation: 'ecs:DescribeImages', kind: 'expired-token', nth: 3 },
    ],
    {},
  ],
])('no secret is printed or saved: %s', async (_, faults, inputs) => {
  const scene = await secretScene();
  const keys = inputs.access_key === undefined ? {} : { ...inputs, access_key: scene.simulator.admin.accessKeyId };
  const { main, results } = await run(scene, 3, faults, { ...keys, ...(inputs.access_key && { security_token: '' }) });
  expect(leaks(scene, ...results)).toEqual([]);
  expect(main.raw).not.toMatch(/wrong-secret-wrong-secret(?<!^::add-mask::.*)/m);
});

test('no secret is printed or saved: a proxy that refuses the connection', async () => {
  const scene = await secretScene();
  const proxy = scene.simulator.proxy.replace(/us%20er:[^@]+@/, 'wrong:hunter2%2Fhunter2@');
  expect(proxy).toContain('hunter2');
  const main = await scene.main(session(scene), { env: { HTTPS_PROXY: proxy } });
  expect(main.conclusion).toBe('failure');
  expect(main.log).toContain('ERR_PROXY_TUNNEL');
  expect(leaks(scene, main)).toEqual([]);
  for (const text of [main.log, main.raw.replace(/^::add-mask::.*$/gm, '')])
    expect(text).not.toMatch(/hunter2|d3Jvbmc6/);
});
