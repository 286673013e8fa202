import type { RpcCall } from '../call.ts';
import { isoSeconds } from '../clock.ts';
import type { Image, Snapshot } from '../entities.ts';
import { fail } from '../errors.ts';
import { list } from '../rpc.ts';
import type { RpcHandlers } from '../table.ts';
import { shape, shapeTags } from '../shape.ts';
import { paged } from './images.ts';
import { own, readTags } from './values.ts';

/** Tags of images and snapshots, the snapshots behind images, and whether disks are encrypted by default. */
export const TAGS: RpcHandlers = {
  TagResources: (call) => {
    const tags = readTags(call);
    const ids = list(call.params, 'ResourceId');
    const found = resources(call).filter(({ id }) => ids.includes(id));
    if (found.length < ids.length) fail('InvalidResourceId.NotFound');
    for (const { tags: old } of found) Object.assign(old, tags);
    return {};
  },
  ListTagResources: (call) => {
    const { ResourceType } = call.params;
    const ids = list(call.params, 'ResourceId');
    const wanted = Object.entries(readTags(call));
    const found = resources(call).filter(({ id, tags }) => {
      const fits = wanted.every(([key, value]) => key in tags && (value === '' || tags[key] === value));
      return fits && (ids.length === 0 || ids.includes(id));
    });
    const shape = (ResourceId: string, [TagKey, TagValue]: [string, string]) => ({
      ResourceId,
      ResourceType,
      TagKey,
      TagValue,
    });
    return {
      NextToken: '',
      TagResources: { TagResource: found.flatMap(({ id, tags }) => Object.entries(tags).map((tag) => shape(id, tag))) },
    };
  },
  DescribeDiskEncryptionByDefaultStatus: ({ account }) => ({ Encrypted: account.diskEncryptionByDefault }),
  DescribeSnapshots: (call) => {
    const ids = call.params.SnapshotIds ? (JSON.parse(call.params.SnapshotIds) as string[]) : undefined;
    const found = own(call, call.world.snapshots).filter(({ id }) => !ids || ids.includes(id));
    return paged(call.params, found, (page) => ({
      Snapshots: { Snapshot: page.map((one) => describe(call, one)) },
    }));
  },
  DeleteSnapshot: (call) => {
    const { SnapshotId: wanted } = call.params;
    const snapshot = own(call, call.world.snapshots).find(({ id }) => id === wanted);
    if (!snapshot) fail('InvalidSnapshotId.NotFound');
    if (isUsed(call, snapshot)) fail('SnapshotCreatedImage');
    call.world.snapshots = call.world.snapshots.filter((one) => one !== snapshot);
    return {};
  },
};

function resources(call: RpcCall): { id: string; tags: Record<string, string> }[] {
  const { ResourceType: type } = call.params;
  if (type !== 'image' && type !== 'snapshot') fail('InvalidResourceType.NotFound');
  return own<Image | Snapshot>(call, type === 'image' ? call.world.images : call.world.snapshots);
}

function isUsed(call: RpcCall, { imageId }: Snapshot): boolean {
  return call.world.images.some(({ id }) => id === imageId);
}

function describe(call: RpcCall, snapshot: Snapshot): object {
  return {
    ...shape('SnapshotId=id Status:accomplished Progress:100% Encrypted=encrypted', snapshot),
    SnapshotName: `Created_from_${snapshot.imageId}`,
    SourceDiskSize: String(snapshot.sizeGiB),
    Usage: isUsed(call, snapshot) ? 'image' : 'none',
    CreationTime: isoSeconds(snapshot.created),
    Tags: shapeTags(snapshot.tags),
  };
}
