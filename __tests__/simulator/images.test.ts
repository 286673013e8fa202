import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { type Rpc, code, rpc, until, user } from './clients.ts';

let simulator: Simulator;
let ecs: Rpc;

beforeAll(async () => {
  simulator = await startSimulator({ speed: 30, imageVisibilitySeconds: 5, copySeconds: 20 });
  ecs = rpc(simulator, 'ecs');
});
afterEach(() => {
  expect(simulator.record.filter(({ violation }) => violation?.startsWith('simulator'))).toEqual([]);
});
afterAll(() => simulator.close());

const find = (name: string) => simulator.world.images.find((image) => image.name === name);
const available = (name: string) => until(() => find(name)?.status === 'Available');

describe('images', () => {
  it('are found by status, owner and part of the name, after a short delay', async () => {
    const { world, account } = simulator;
    const stranger = world.addAccount();
    world.addImage(account, 'find-me');
    world.addImage(account, 'find-me-too', { status: 'CreateFailed' });
    world.addImage(stranger, 'find-me-not');
    world.addImage(stranger, 'find-me-shared', { sharedWith: [account.id] });
    world.addImage(stranger, 'find-me-system', { system: true });
    const names = async (params: object) =>
      (
        (await ecs('DescribeImages', { ImageName: 'find-me', ...params })).Images.Image as unknown as {
          ImageName: string;
        }[]
      )
        .map(({ ImageName }) => ImageName)
        .sort();
    expect(await names({})).toEqual(['find-me', 'find-me-shared', 'find-me-system']);
    expect(await names({ Status: 'ALL', ImageOwnerAlias: 'self' })).toEqual(['find-me', 'find-me-too']);
    expect(await code(ecs('DescribeImages', { Status: 'ALL,Available' }))).toBe('InvalidStatus.NotFound');
    await ecs('ModifyImageAttribute', { ImageId: find('find-me')?.id, ImageName: 'renamed' });
    expect(await names({ ImageOwnerAlias: 'self' })).toEqual(['find-me']);
    await until(async () => (await names({ ImageOwnerAlias: 'self' })).length === 0);
    const clash = { ImageId: find('renamed')?.id, ImageName: 'find-me-too' };
    expect(await code(ecs('ModifyImageAttribute', clash))).toBe('InvalidImageName.Duplicated');
  });

  it('are shown in pages of at most 100', async () => {
    for (const page of [{ PageSize: 101 }, { PageSize: 0 }, { PageNumber: 1.5 }])
      expect(await code(ecs('DescribeImages', page))).toBe('InvalidParameter');
  });

  it.each(['x', 'aliyun-family', 'acs:family', 'a_http://b', '1st'])('belong to no family %s', async (ImageFamily) => {
    const { id: ImageId } = simulator.world.addImage(simulator.account, `no-family-${ImageFamily}`);
    expect(await code(ecs('ModifyImageAttribute', { ImageId, ImageFamily }))).toBe('InvalidImageFamily.Malformed');
  });

  it('are not deleted while they are shared or used by an instance', async () => {
    const { world, account } = simulator;
    const image = world.addImage(account, 'needed', { usedByInstance: true, sharedWith: ['1'] });
    const remove = (some: object = {}) => code(ecs('DeleteImage', { ImageId: image.id, ...some }));
    expect(await remove()).toBe('ImageUseShared');
    await ecs('ModifyImageSharePermission', { ImageId: image.id, RemoveAccount: ['1'] });
    expect(await remove()).toBe('ImageUsingByInstance');
    expect(await remove({ Force: 'true' })).toBe('no error');
    expect(await remove()).toBe('InvalidImageId.NotFound');
  });

  it('are copied one at a time, and a copy can be cancelled', async () => {
    const { id: ImageId } = simulator.world.addImage(simulator.account, 'source', { disks: [] });
    const to = (DestinationRegionId: string, some: object = {}) =>
      ecs('CopyImage', { ImageId, DestinationRegionId, DestinationImageName: 'copy', ...some });
    await to('cn-hongkong', { Encrypted: 'true' });
    expect(find('copy')).toMatchObject({ region: 'cn-hongkong', status: 'Creating', encrypted: true });
    expect(await code(to('cn-shanghai'))).toBe('OperationDenied.ImageCopyConflict');
    expect(await code(ecs('DeleteImage', { ImageId }))).toBe('OperationDenied.ImageCopying');
    await available('copy');
    expect(await code(to('cn-hongkong'))).toBe('InvalidImageName.Duplicated');
    const { ImageId: copy } = await to('cn-shanghai');
    const there = rpc(simulator, 'ecs', simulator.admin, 'ecs.cn-shanghai.aliyuncs.com');
    await there('CancelCopyImage', { RegionId: 'cn-shanghai', ImageId: copy });
    expect(simulator.world.images.filter(({ name }) => name === 'copy')).toHaveLength(1);
  });

  it('are shared with the first ten accounts of a request', async () => {
    const { id: ImageId } = simulator.world.addImage(simulator.account, 'shared');
    const AddAccount = Array.from({ length: 12 }, (_, at) => `10000000000000${at + 10}`);
    await ecs('ModifyImageSharePermission', { ImageId, AddAccount });
    expect((await ecs('DescribeImageSharePermission', { ImageId })).TotalCount).toBe(10);
  });
});

it('checks rights', async () => {
  const someone = user(simulator, { Effect: 'Allow', Action: 'ecs:Describe*', Resource: '*' });
  const theirs = rpc(simulator, 'ecs', someone);
  await theirs('DescribeImages');
  expect(await code(theirs('DeleteImage', { ImageId: 'm-1' }))).toBe('Forbidden.RAM');
  expect(await code(rpc(simulator, 'ram', someone)('GetRole', { RoleName: 'x' }))).toBe('NoPermission');
});
