import { expect, test } from 'vitest';
import { IMPORT_ROLE, trusting, type Simulator } from '../../simulator/index.ts';
import { annotations, deny, quickScene, theError } from '../support/quick.ts';
import { openScene, requests, type Scene } from '../support/scene.ts';

const PACKER = [
  'ecs:DescribeImages ecs:ImportImage ecs:DeleteImage',
  'oss:ListBuckets oss:PutBucket oss:PutObject oss:DeleteObject',
  'ram:GetRole ram:CreateRole ram:AttachPolicyToRole ram:ListPoliciesForRole',
].flatMap((line) => line.split(' '));

/** A user with the rights that Packer needs, plus `more`. */
const packer =
  (...more: string[]) =>
  ({ world, account }: Simulator) =>
    world.addUser(account, 'packer', [{ Effect: 'Allow', Action: [...PACKER, ...more], Resource: '*' }]);

/** Expects each denied check in the log, once. */
const denials = (log: string) => log.split('\n').filter((line) => /denied|Without the right/.test(line));

const withoutRole = (scene: Scene) => {
  scene.simulator.account.roles = [];
};
const bare = (scene: Scene) => {
  const [role] = scene.simulator.account.roles;
  if (role) role.policies = [];
};

/** What a run leaves that is killed while it waits for its new role. */
const fresh = ({ simulator }: Scene) => {
  simulator.before = ({ operation, params }) => {
    if (operation !== 'ecs:ImportImage' || params?.DryRun === 'true') return;
    for (const policy of simulator.account.roles[0]?.policies ?? []) policy.at = simulator.world.clock.now();
    simulator.before = undefined;
  };
};

test.each<[string, (scene: Scene) => void, Record<string, string>]>([
  ['an existing bucket', () => undefined, {}],
  ['a missing bucket', () => undefined, { oss_bucket_name: 'brand-new' }],
  ['a missing role', withoutRole, {}],
  ['a role without its policy', bare, {}],
  ['a key of its own', () => undefined, { oss_key_name: 'a/b.raw' }],
])('the rights that Packer needs are enough: %s', async (_, prepare, inputs) => {
  const scene = await quickScene({ user: packer() });
  prepare(scene);
  const main = await scene.main(inputs);
  const post = await scene.post(inputs);
  expect(main.conclusion, main.log).toBe('success');
  expect(post.conclusion, post.log).toBe('success');
  expect([...annotations(main, 'warning'), ...annotations(post, 'warning')]).toEqual([]);
  const { world, account } = scene.simulator;
  expect(world.buckets.flatMap(({ objects, uploads }) => [...objects.keys(), ...uploads.keys()])).toEqual([]);
  expect(account.roles).toMatchObject([{ name: IMPORT_ROLE, policies: [{ name: 'AliyunECSImageImportRolePolicy' }] }]);
  const lines = denials(main.log);
  // A bucket that was just created is not checked, so that no check can be denied.
  if (inputs.oss_bucket_name === undefined) expect(lines.length).toBeGreaterThan(0);
  expect(new Set(lines).size).toBe(lines.length);
});

test('rights on a key of its own alone: nothing is said of a zero object that could not be made', async () => {
  const own = (action: string) => action.startsWith('oss:') && action.endsWith('Object');
  const user = ({ world, account }: Simulator) =>
    world.addUser(account, 'packer', [
      { Effect: 'Allow', Action: PACKER.filter((action) => !own(action)), Resource: '*' },
      { Effect: 'Allow', Action: PACKER.filter(own), Resource: 'acs:oss:*:*:packer/a/b.raw' },
    ]);
  const scene = await openScene({ user, importSeconds: 5 });
  const inputs = { oss_key_name: 'a/b.raw' };
  const main = await scene.main(inputs);
  const post = await scene.post(inputs);
  expect(main.conclusion, main.log).toBe('success');
  expect(requests(scene, 'oss:PutObject').map(({ status }) => status)).toEqual([403]);
  expect(main.log + post.log).not.toContain('only zeros');
  expect([...annotations(main, 'warning'), ...annotations(post, 'warning')]).toEqual([]);
});

test('a new bucket is created in the region and gets one lifecycle rule', async () => {
  const scene = await quickScene();
  const main = await scene.main({ oss_bucket_name: 'brand-new' });
  expect(main.conclusion, main.log).toBe('success');
  const bucket = scene.simulator.world.bucket('brand-new');
  expect(bucket).toMatchObject({ region: 'cn-beijing', owner: scene.simulator.account.id });
  expect(bucket?.lifecycle).toMatch(
    /^[^]*<Rule>(?=[^]*<Prefix>alicloud-import\/<\/Prefix>)(?=[^]*<AbortMultipartUpload><Days>7<)(?=[^]*Enabled)[^]*<\/Rule>[^]*$/,
  );
  expect(bucket?.lifecycle?.split('<Rule>')).toHaveLength(2);
  expect(bucket?.lifecycle).not.toContain('<Expiration>');
  // Only once: the next run finds the bucket.
  await scene.main({ oss_bucket_name: 'brand-new', image_name: 'second' });
  expect(requests(scene, 'oss:PutBucket')).toHaveLength(1);
});

test.each([
  ['missing', withoutRole, ['ram:CreateRole', 'ram:AttachPolicyToRole']],
  ['without its policy', bare, ['ram:AttachPolicyToRole']],
  ['complete since a moment ago', fresh, []],
])('an import role that is %s is set up, and waited for until ECS sees it', async (_, prepare, made) => {
  const scene = await quickScene({ rolePropagationSeconds: 40 });
  prepare(scene);
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  const changes = scene.simulator.record.filter(({ operation }) => /^ram:(Create|Attach|Update)/.test(operation));
  expect(changes.map(({ operation }) => operation)).toEqual(made);
  const [role] = scene.simulator.account.roles;
  expect(JSON.parse(role?.trust ?? '')).toEqual(JSON.parse(trusting({ Service: ['ecs.aliyuncs.com'] })));
  expect(requests(scene, 'ecs:ImportImage').length).toBeGreaterThan(2);
  expect(main.log.match(/Waiting until ECS can use the role/g)).toHaveLength(1);
});

test('a trust policy without ECS is not changed: the error has the statement to add', async () => {
  const scene = await quickScene();
  const [role] = scene.simulator.account.roles;
  const trust = trusting({ Service: ['fc.aliyuncs.com'] });
  if (role) role.trust = trust;
  const main = await scene.main();
  const error = theError(main);
  expect(error).toContain('RoleTrustsNotEcs');
  expect(error).toContain('{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}');
  expect(role?.trust).toBe(trust);
  expect(annotations(await scene.post(), 'warning')).toEqual([]);
});

test.each(['ram:GetRole', 'ram:CreateRole', 'ram:AttachPolicyToRole'])(
  'without the right %s, the error has the link for the administrator, once',
  async (action) => {
    const scene = await quickScene();
    withoutRole(scene);
    deny(scene, action);
    const main = await scene.main();
    expect(theError(main)).toMatch(
      /NoSetRoletoECSServiceAcount.* https:\/\/ram\.console\.aliyun\.com\/role\/authorization\?request=/,
    );
    expect(main.log).toContain(`The import role could not be set up: ${action} is denied.`);
    expect(scene.simulator.world.bucket('packer')?.objects.size).toBe(0);
  },
);
