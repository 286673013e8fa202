import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addSession, IMPORT_POLICY, trusting } from '../../simulator/index.ts';
import { dynamicVhd, MiB, qcow2 } from '../disk/build.ts';
import { annotations, imported, quickScene, recordFrom, theError, tinyDisk } from '../support/quick.ts';
import { requests, type Scene } from '../support/scene.ts';

/** An image of this name ends a run after its checks, which send requests to STS, ECS and OSS. */
const TAKEN = { image_name: 'taken' };

async function takenScene(...regions: string[]): Promise<Scene> {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  for (const region of ['cn-beijing', ...regions]) world.addImage(account, 'taken', { region });
  return scene;
}

/** The hosts of each service that a run sent requests to. */
function hosts(record: Scene['simulator']['record']): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  for (const { service, host } of record) (found[service] ??= new Set()).add(host);
  return Object.fromEntries(Object.entries(found).map(([service, names]) => [service, [...names]]));
}

test('access_key, secret_key: inputs, else ALICLOUD_*', async () => {
  const scene = await takenScene();
  const { world, account, admin } = scene.simulator;
  const other = world.addUser(account, 'other');
  const arn = (name: string) => [`acs:ram::${account.id}:user/${name}`];
  const callers = (record: Scene['simulator']['record']) => [...new Set(record.map(({ caller }) => caller))];
  for (const [inputs, name] of [
    [{}, admin.name],
    [{ access_key: other.accessKeyId, secret_key: other.secret }, 'other'],
  ] as const) {
    const record = recordFrom(scene);
    const main = await scene.main({ ...TAKEN, ...inputs });
    expect(theError(main)).toContain('InvalidImageName.Duplicated');
    expect(callers(record())).toEqual(arn(name));
    expect(main.log).toContain(`as ${arn(name).join('')}.`);
  }
});

test('security_token: input, ALICLOUD_SECURITY_TOKEN, SECURITY_TOKEN', async () => {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  account.roles = [];
  const role = world.addRole(account, 'builder', '{"Statement":[]}', ['AdministratorAccess']);
  const { accessKeyId, secret, token } = addSession(world, account, role, 'job', 36_000);
  const env = { ALICLOUD_ACCESS_KEY: accessKeyId, ALICLOUD_SECRET_KEY: secret };
  const keys = { access_key: accessKeyId, secret_key: secret };
  // The first run needs all four services: RAM because of the missing role.
  const main = await scene.main({ ...keys, security_token: token });
  expect(main.conclusion, main.log).toBe('success');
  for (const options of [
    { inputs: {}, env: { ...env, ALICLOUD_SECURITY_TOKEN: token } },
    { inputs: {}, env: { ...env, SECURITY_TOKEN: token } },
  ]) {
    const again = await scene.main(options.inputs, { env: { GITHUB_RUN_ID: '1', ...options.env } });
    expect(theError(again)).toContain('InvalidImageName.Duplicated');
  }
  const callers = new Set(scene.simulator.record.map(({ service, caller }) => `${service} ${caller ?? ''}`));
  const arn = `acs:ram::${account.id}:assumed-role/builder/job`;
  expect([...callers].sort()).toEqual(['ecs', 'oss', 'ram', 'sts'].map((service) => `${service} ${arn}`));
});

test('region: input, else ALICLOUD_REGION; uses the documented endpoints of each region', async () => {
  const regions = ['cn-hangzhou', 'cn-shanghai', 'ap-southeast-1', 'us-east-1'];
  const scene = await takenScene(...regions);
  const { world, account } = scene.simulator;
  for (const [at, region] of regions.entries()) {
    const bucket = `in-${region}`;
    world.addBucket(account, bucket, { region });
    const record = recordFrom(scene);
    const [given, env] = at === 0 ? ['', region] : [region, 'cn-beijing'];
    const main = await scene.main(
      { ...TAKEN, oss_bucket_name: bucket, region: given },
      { env: { ALICLOUD_REGION: env } },
    );
    expect(theError(main)).toContain('InvalidImageName.Duplicated');
    expect(hosts(record())).toEqual({
      sts: ['sts.aliyuncs.com'],
      ecs: [region === 'cn-hangzhou' ? 'ecs-cn-hangzhou.aliyuncs.com' : `ecs.${region}.aliyuncs.com`],
      oss: [`${bucket}.oss-${region}.aliyuncs.com`],
    });
    expect(record().filter(({ secure, violation }) => !secure || violation)).toEqual([]);
  }
});

test('custom_endpoint_*: each changes only its own host, over https', async () => {
  const scene = await takenScene();
  const { world, account } = scene.simulator;
  const [bucket] = world.buckets;
  bucket?.cnames.push('images.example.com');
  const usual = {
    sts: ['sts.aliyuncs.com'],
    ecs: ['ecs.cn-beijing.aliyuncs.com'],
    oss: ['packer.oss-cn-beijing.aliyuncs.com'],
  };
  for (const [name, value, changed] of [
    ['ecs', 'ecs-vpc.cn-beijing.aliyuncs.com', { ecs: ['ecs-vpc.cn-beijing.aliyuncs.com'] }],
    ['sts', 'https://sts.cn-beijing.aliyuncs.com/', { sts: ['sts.cn-beijing.aliyuncs.com'] }],
    ['oss', 'oss-cn-beijing-internal.aliyuncs.com', { oss: ['packer.oss-cn-beijing-internal.aliyuncs.com'] }],
    // A custom domain serves only objects.
    ['oss', 'images.example.com', { oss: ['packer.oss-cn-beijing.aliyuncs.com', 'images.example.com'] }],
  ] as const) {
    const record = recordFrom(scene);
    theError(await scene.main({ ...TAKEN, [`custom_endpoint_${name}`]: value }));
    expect(hosts(record())).toEqual({ ...usual, ...changed });
  }
  account.roles = [];
  const record = recordFrom(scene);
  const ram = await scene.main({ custom_endpoint_ram: 'ram.example.com' });
  expect(theError(ram)).toMatch(/^ram:GetRole failed/);
  const unknown = record().filter(({ violation }) => violation);
  expect([...new Set(unknown.map(({ host, violation }) => `${violation ?? ''} ${host}`))]).toEqual([
    'unknown host ram.example.com',
  ]);
  expect(scene.simulator.record.filter(({ secure }) => !secure)).toEqual(unknown);
});

test('the parameters of ImportImage, and what remains in the bucket and on the runner', async () => {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  const bucket = world.bucket('packer');
  // oss_key_name, skip_clean, image_description, image_system_size, import_role_name
  account.roles = [];
  world.addRole(account, 'reader', trusting({ Service: ['ecs.aliyuncs.com'] }), [IMPORT_POLICY]);
  const described = {
    oss_key_name: 'nightly/my disk.raw',
    image_description: 'Built at night: 夜',
    skip_clean: 'TRUE',
  };
  const first = await scene.main({ ...described, image_system_size: '50', import_role_name: 'reader' });
  await scene.post({ ...described, import_role_name: 'reader' });
  expect(first.conclusion, first.log).toBe('success');
  expect(imported(scene)).toMatchObject({
    Description: 'Built at night: 夜',
    RoleName: 'reader',
    'DiskDeviceMapping.1.DiskImageSize': '50',
    'DiskDeviceMapping.1.OSSObject': 'nightly/my disk.raw',
  });
  expect(first.outputs.oss_object).toBe('oss://packer/nightly/my disk.raw');
  expect([...(bucket?.objects.keys() ?? [])]).toEqual(['nightly/my disk.raw']);
  expect(account.roles.map(({ name }) => name)).toEqual(['reader']);

  // When a role given by the user does not exist, no role is created.
  const lost = await scene.main({ image_name: 'lost', import_role_name: 'typo' });
  expect(theError(lost)).toMatch(/NoSetRoletoECSService.*import_role_name/);
  expect(requests(scene, 'ram:GetRole')).toEqual([]);

  // image_os_type, image_platform, keep_input_artifact
  world.addImportRole(account);
  const spare = join(scene.job.workspace, 'spare.raw');
  await tinyDisk(spare);
  const windows = { image_name: 'win', image_os_type: 'Windows', image_platform: 'Windows Server 2022' };
  world.nextImportFails = { code: 'ImportImageFailed', message: 'no' };
  theError(await scene.main({ ...windows, path: 'spare.raw', keep_input_artifact: 'false' }));
  expect(existsSync(spare)).toBe(true);
  const rerun = { env: { GITHUB_RUN_ID: '4243' } };
  const second = await scene.main({ ...windows, path: 'spare.raw', keep_input_artifact: 'false' }, rerun);
  expect(second.conclusion, second.log).toBe('success');
  expect(existsSync(spare)).toBe(false);
  expect(imported(scene)).toMatchObject({
    OSType: 'windows',
    LicenseType: 'Aliyun',
    Platform: 'Windows Server 2022',
  });
  expect([...(bucket?.objects.keys() ?? [])]).toEqual(['nightly/my disk.raw']);

  // image_architecture; a platform that is not in the list
  const third = await scene.main({ image_name: 'arm', image_architecture: 'arm64', image_platform: 'TempleOS' });
  expect(third.conclusion, third.log).toBe('success');
  expect(imported(scene)).toMatchObject({ Architecture: 'arm64', Platform: 'TempleOS', BootMode: 'UEFI' });
  expect(imported(scene)).not.toHaveProperty('LicenseType');
  expect(annotations(third, 'warning')).toEqual([expect.stringContaining('"TempleOS" is not in the documented list')]);
  expect(existsSync(scene.disk)).toBe(true);
});

test('format: detected, or given in upper or lower case', async () => {
  const scene = await quickScene();
  const files = { 'disk.qcow2': qcow2(), 'disk.vhd': dynamicVhd(8 * MiB) };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(scene.job.workspace, name), content);
  for (const [path, given, format] of [
    ['disk.qcow2', '', 'QCOW2'],
    ['disk.qcow2', 'qCow2', 'QCOW2'],
    ['disk.vhd', 'vhd', 'VHD'],
    ['disk.raw', 'Raw', 'RAW'],
  ] as const) {
    const main = await scene.main({ image_name: `${format}${given}`, path, format: given });
    expect(main.conclusion, main.log).toBe('success');
    expect(imported(scene)['DiskDeviceMapping.1.Format']).toBe(format);
    expect(main.outputs.oss_object?.endsWith(`/disk.${format.toLowerCase()}`)).toBe(true);
  }
});

test('timeout_minutes ends the wait; the import continues, and its object is kept', async () => {
  const scene = await quickScene({ importSeconds: 3600 });
  const main = await scene.main({ timeout_minutes: '2' });
  expect(theError(main)).toMatch(/WaitTimedOut: .* after 2 min.*Re-run the job/);
  const [sent] = requests(scene, 'ecs:ImportImage');
  const seconds = (scene.simulator.now() - (sent?.at ?? 0)) / 1000;
  expect(seconds).toBeGreaterThan(115);
  expect(seconds).toBeLessThan(300);
  expect(scene.simulator.world.bucket('packer')?.objects.size).toBe(1);
  expect(scene.simulator.world.tasks).toMatchObject([{ status: 'Processing' }]);
});
