import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator, trusting } from '../../simulator/index.ts';
import { type Rpc, code, oss, rpc, until } from './clients.ts';

const MIB = 1024 * 1024;
let simulator: Simulator;
let ecs: Rpc;
let ram: Rpc;

beforeAll(async () => {
  simulator = await startSimulator({ speed: 30, imageVisibilitySeconds: 5 });
  ecs = rpc(simulator, 'ecs');
  ram = rpc(simulator, 'ram');
});
beforeEach(async () => {
  await simulator.world.putObject('packer', 'disk.raw', Buffer.alloc(MIB, 7));
});
afterEach(() => {
  expect(simulator.record.filter(({ violation }) => violation?.startsWith('simulator'))).toEqual([]);
});
afterAll(() => simulator.close());

function disk(some: object = {}) {
  return {
    DiskDeviceMapping: [{ OSSBucket: 'packer', OSSObject: 'disk.raw', Format: 'RAW', DiskImageSize: 20, ...some }],
  };
}
const find = (name: string) => simulator.world.images.find((image) => image.name === name);
const available = (name: string) => until(() => find(name)?.status === 'Available');

describe('ImportImage', () => {
  it('takes time, reads the object, and makes an image with a snapshot', async () => {
    const made = await ecs('ImportImage', { ImageName: 'life', ...disk(), Tag: [{ Key: 'k', Value: 'v' }] });
    const { ImageId, TaskId } = made;
    expect((await ecs('DescribeImages', { ImageId })).TotalCount).toBe(0);
    expect(await code(ecs('DeleteImage', { ImageId }))).toBe('ImageIsImporting');
    let creating: unknown;
    await until(async () => {
      [creating] = (await ecs('DescribeImages', { ImageId, Status: 'ALL' })).Images.Image;
      return creating !== undefined;
    });
    expect(creating).toMatchObject({ Status: 'Creating', ImageOwnerAlias: 'self', Tags: { Tag: [{ TagKey: 'k' }] } });
    await until(
      async () => (await ecs('DescribeTasks', { TaskIds: TaskId })).TaskSet.Task[0]?.TaskStatus === 'Finished',
    );
    expect(find('life')?.status).toBe('Creating');
    await available('life');
    const object = simulator.world.object('packer', 'disk.raw');
    expect(find('life')?.disks).toMatchObject([
      { bytes: MIB, crc: object?.crc, sizeGiB: 20, snapshotId: expect.stringMatching(/^s-/) as string },
    ]);
    await ecs('DeleteImage', { ImageId });
    expect((await ecs('DescribeSnapshots')).TotalCount).toBe(1);
    expect(await ecs('DescribeDiskEncryptionByDefaultStatus')).toMatchObject({ Encrypted: false });
  });

  it.each([
    ['InvalidImageName.Malformed', { ImageName: '1st' }],
    ['InvalidImageName.Malformed', { ImageName: 'aliyun-x' }],
    ['InvalidOSSBucket.NotFound', disk({ OSSBucket: 'nowhere' })],
    ['InvalidOSSBucket.NotMatched', disk({ OSSBucket: 'far' })],
    ['InvalidOSSBucket.EncryptUnsupported', disk({ OSSBucket: 'secret' })],
    ['InvalidOSS.NotAuthorized', disk({ OSSBucket: 'foreign' })],
    ['InvalidOSSObject.NotFound', disk({ OSSObject: 'missing.raw' })],
    ['InvalidOSSObject.Size', disk({ OSSObject: 'empty.raw' })],
    ['InvalidOSSObject.NeedRestore', disk({ OSSObject: 'cold.raw' })],
    ['UnsupportedSuffix.OSSObject', disk({ OSSObject: 'disk.exe' })],
    ['InvalidImageFormat.Malformed', disk({ Format: 'QCOW2' })],
    ['InvalidImageSize', disk({ DiskImageSize: 4096 })],
    ['InvalidImageSize', disk({ OSSObject: 'big.qcow2', Format: 'QCOW2', DiskImageSize: 9 })],
    ['InvalidBootMode.NotSupport', { Architecture: 'arm64', ...disk() }],
    ['MissingParameter', { OSType: 'windows', ...disk() }],
    ['InvalidLicenseType.NotSupported', { LicenseType: 'BYOL', ...disk() }],
    ['MissingParameter.DiskDeviceMapping', {}],
    ['TagKey.Duplication', { Tag: [{ Key: 'a' }, { Key: 'A' }], ...disk() }],
    ['DryRunOperation', { DryRun: 'true', ...disk() }],
    ['InvalidParameter', { DryRun: 'yes', ...disk() }],
    ['InvalidClientToken.Malformed', { ClientToken: 'x'.repeat(65), ...disk() }],
    ['InvalidClientToken.Malformed', { ClientToken: 'ü', ...disk() }],
    ['InvalidParameter', { DiskDeviceMaping: 1 }],
    ['InvalidRegionId.NotFound', { RegionId: 'cn-nowhere', ...disk() }],
    ['InvalidOperation.NotSupportedEndpoint', { RegionId: 'cn-hangzhou', ...disk() }],
  ])('is refused: %s %j', async (expected, params) => {
    const { world, account } = simulator;
    if (!world.bucket('far')) {
      world.addBucket(account, 'far', { region: 'cn-hangzhou' });
      world.addBucket(account, 'secret', { encryption: { algorithm: 'KMS' } });
      world.addBucket(world.addAccount(), 'foreign');
      await world.putObject('packer', 'empty.raw', Buffer.alloc(0));
      await world.putObject('packer', 'disk.exe', Buffer.alloc(9));
      await world.putObject('packer', 'cold.raw', Buffer.alloc(9), { storageClass: 'Archive' });
      const qcow2 = Buffer.alloc(512);
      qcow2.write('QFI\u00fb', 'latin1');
      qcow2.writeBigUInt64BE(10n * 1024n ** 3n, 24);
      await world.putObject('packer', 'big.qcow2', qcow2);
    }
    expect(await code(ecs('ImportImage', params))).toBe(expected);
    if (expected === 'InvalidParameter') {
      expect(simulator.record.at(-1)?.violation).toBe(`parameter ${Object.keys(params)[0] ?? ''}`);
    }
  });

  it('checks client token, name and quota', async () => {
    const once = { ImageName: 'once', ClientToken: 'token', ...disk() };
    const [first, second] = [await ecs('ImportImage', once), await ecs('ImportImage', once)];
    expect(second.ImageId).toBe(first.ImageId);
    expect(await code(ecs('ImportImage', { ...once, ImageName: 'other' }))).toBe('IdempotentParameterMismatch');
    expect(await code(ecs('ImportImage', { ImageName: 'once', ...disk() }))).toBe('InvalidImageName.Duplicated');
    simulator.account.imageQuota = simulator.world.images.length;
    expect(await code(ecs('ImportImage', { ImageName: 'too-many', ...disk() }))).toBe('QuotaExceed.Image');
    simulator.account.imageQuota = 100;
    await available('once');
  });

  it('fails in the task, on demand or when the object is deleted', async () => {
    simulator.world.nextImportFails = { code: 'Bad', message: 'no boot sector' };
    const told = await ecs('ImportImage', { ImageName: 'told', ...disk() });
    await until(() => find('told')?.status === 'CreateFailed');
    const { OperationProgressSet: set } = await ecs('DescribeTaskAttribute', { TaskId: told.TaskId });
    expect(set.OperationProgress[0]).toMatchObject({
      OperationStatus: 'Failed',
      ErrorCode: 'Bad',
      ErrorMsg: 'no boot sector',
    });
    await ecs('ImportImage', { ImageName: 'pulled', ...disk() });
    await oss(simulator).delete('disk.raw');
    await until(() => find('pulled')?.status === 'CreateFailed');
  });

  it('can be cancelled, but not after its end', async () => {
    const { TaskId } = await ecs('ImportImage', { ImageName: 'cancelled', ...disk() });
    await ecs('CancelTask', { TaskId });
    expect(find('cancelled')).toBeDefined();
    await until(() => !find('cancelled'));
    expect(await code(ecs('CancelTask', { TaskId }))).toBe('InvalidTaskId.IncorrectTaskStatus');
  });

  it('needs its role, which takes a while to propagate', async () => {
    const { account, world } = simulator;
    const role = account.roles.pop();
    const name = { RoleName: 'AliyunECSImageImportDefaultRole' };
    const policy = { ...name, PolicyType: 'System', PolicyName: 'AliyunECSImageImportRolePolicy' };
    const again = () => code(ecs('ImportImage', { ImageName: 'role', ...disk() }));
    expect(await code(ram('GetRole', name))).toBe('EntityNotExist.Role');
    expect(await again()).toBe('NoSetRoletoECSServiceAcount');
    await ram('CreateRole', { ...name, AssumeRolePolicyDocument: role?.trust });
    expect(await code(ram('CreateRole', { ...name, AssumeRolePolicyDocument: role?.trust }))).toBe(
      'EntityAlreadyExists.Role',
    );
    await until(async () => (await again()) === 'InvalidOSS.NotAuthorized');
    await ram('AttachPolicyToRole', policy);
    expect(await code(ram('AttachPolicyToRole', policy))).toBe('EntityAlreadyExists.Role.Policy');
    expect((await ram('ListPoliciesForRole', name)).Policies.Policy).toHaveLength(1);
    await until(async () => (await again()) === 'no error');
    account.roles = [
      world.addRole(account, name.RoleName, trusting({ Service: ['rds.aliyuncs.com'] }), [policy.PolicyName]),
    ];
    expect(await code(ecs('ImportImage', { ImageName: 'distrust', ...disk() }))).toBe('InvalidOSS.NotAuthorized');
    account.roles = role ? [role] : [];
  });
});
