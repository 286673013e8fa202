import type { RpcCall } from '../call.ts';
import { fail } from '../errors.ts';
import { REGIONS } from '../hosts.ts';
import type { RpcHandlers } from '../table.ts';
import { shape } from '../shape.ts';
import { copiesOf, ownImage, paged } from './images.ts';
import { removeImage, startImage } from './settle.ts';
import { checkDescription, checkName, checkQuota, list, readTags } from './values.ts';

/** The fields that a copy has from its source. */
const KEPT = `architecture=architecture osType=osType platform=platform bootMode=bootMode licenseType=licenseType
  nvmeSupport=nvmeSupport imdsSupport=imdsSupport detectionStrategy=detectionStrategy`;

/** Copies of an image, and the accounts that it is shared with. */
export const COPIES: RpcHandlers = {
  CopyImage: copyImage,
  CancelCopyImage: (call) => {
    const image = ownImage(call);
    if (!image.copy || image.status !== 'Creating') fail('IncorrectImageStatus');
    removeImage(call.world, image);
    return {};
  },
  ModifyImageSharePermission: share,
  DescribeImageSharePermission: (call) => {
    const image = ownImage(call);
    return paged(call.params, image.sharedWith, (page) => ({
      ImageId: image.id,
      RegionId: call.region,
      Accounts: { Account: page.map((AliyunId) => ({ AliyunId })) },
      ShareGroups: { ShareGroup: [] },
    }));
  },
};

function copyImage(call: RpcCall): object {
  const { params, world, now } = call;
  const source = ownImage(call);
  const region = params.DestinationRegionId ?? call.region;
  if (!REGIONS.includes(region)) fail('InvalidRegionId.NotFound');
  checkDescription(params.DestinationDescription);
  if (params.DestinationImageName) checkName(call, params.DestinationImageName, region);
  const tags = readTags(call);
  if (source.status !== 'Available') fail('IncorrectImageStatus');
  if (source.disks.some(({ format }) => format === 'VHD')) fail('InvalidOperation.VhdImageUnsupported');
  if (copiesOf(call, source).length > 0) fail('OperationDenied.ImageCopyConflict');
  checkQuota(call, region);
  const copy = startImage(world, call.account, region, params.DestinationImageName, {
    ...shape(KEPT, source),
    tags,
    resourceGroupId: params.ResourceGroupId ?? '',
    description: params.DestinationDescription ?? '',
    // It is an open question whether an imported image can be copied encrypted within its region.
    encrypted: source.encrypted || params.Encrypted === 'true',
    kmsKeyId: params.KMSKeyId ?? source.kmsKeyId,
    disks: source.disks.map((disk) => ({ ...disk, snapshotId: '' })),
    copy: { source: source.id, begun: now, ends: now + world.durations.copySeconds * 1000 },
  });
  return { ImageId: copy.id };
}

function share(call: RpcCall): object {
  const image = ownImage(call);
  // "1-10 accounts": the service silently ignores those after the tenth.
  const added = list(call.params, 'AddAccount').slice(0, 10);
  const removed = list(call.params, 'RemoveAccount').slice(0, 10);
  if (image.status !== 'Available') fail('IncorrectImageStatus');
  if (image.encrypted && image.kmsKeyId === '') fail('InvalidOperation.EncryptedImage');
  if (!added.every((id) => /^\d{16}$/.test(id) && id !== call.account.id)) fail('InvalidAccount.NotFound');
  const shared = [...new Set([...image.sharedWith, ...added])].filter((id) => !removed.includes(id));
  if (shared.length > 50) fail('QuotaExceed.ImageShare');
  image.sharedWith = shared;
  return {};
}
