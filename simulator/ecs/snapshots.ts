import type { RpcCall } from '../call.ts';
import { isoSeconds } from '../clock.ts';
import type { Snapshot } from '../entities.ts';
import { fail } from '../errors.ts';
import type { RpcHandlers } from '../table.ts';
import { shape } from '../shape.ts';
import { paged } from './images.ts';
import { own } from './values.ts';

/** The snapshots of images, and whether disks are encrypted by default. */
export const SNAPSHOTS: RpcHandlers = {
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

function isUsed(call: RpcCall, { imageId }: Snapshot): boolean {
  return call.world.images.some(({ id }) => id === imageId);
}

function describe(call: RpcCall, snapshot: Snapshot): object {
  return {
    ...shape('SnapshotId=id Status:accomplished Progress:100% Encrypted=encrypted', snapshot),
    SourceDiskSize: String(snapshot.sizeGiB),
    Usage: isUsed(call, snapshot) ? 'image' : 'none',
    CreationTime: isoSeconds(snapshot.created),
  };
}
