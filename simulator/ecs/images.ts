import type { RpcCall } from '../call.ts';
import type { RpcHandlers } from '../table.ts';
import { isoSeconds } from '../clock.ts';
import type { Disk, Image } from '../entities.ts';
import { fail } from '../errors.ts';
import { shape } from '../shape.ts';
import { lag, removeImage } from './settle.ts';
import { checkName, checkOneOf, isName, own } from './values.ts';

export const IMAGES: RpcHandlers = {
  DescribeImages: describeImages,
  ModifyImageAttribute: modify,
  DeleteImage: deleteImage,
};

export function ownImage(call: RpcCall): Image {
  const { ImageId } = call.params;
  return own(call, call.world.images).find(({ id }) => id === ImageId) ?? fail('InvalidImageId.NotFound');
}

/** The copies of this image that are still being made. */
export function copiesOf(call: RpcCall, image: Image): Image[] {
  return call.world.images.filter(({ copy, status }) => copy?.source === image.id && status === 'Creating');
}

/** The images of the region as DescribeImages shows them. */
function visible({ world, now, region: wanted }: RpcCall): Image[] {
  const shown = new Map(world.images.map((image) => [image.id, image]));
  for (const [id, { until, shown: image }] of world.lagging) {
    if (until <= now) world.lagging.delete(id);
    else if (image) shown.set(id, image);
    else shown.delete(id);
  }
  return [...shown.values()].filter(({ region }) => region === wanted);
}

function aliasOf(call: RpcCall, image: Image): string | undefined {
  if (image.system) return 'system';
  if (image.owner === call.account.id) return 'self';
  return image.sharedWith.includes(call.account.id) ? 'others' : undefined;
}

const STATES = ['Creating', 'Waiting', 'Available', 'UnAvailable', 'CreateFailed', 'Deprecated'];

/** The fields are those of the vendor's SDK (DescribeImagesResponseBody). Their values are not documented. */
const FINDINGS = [
  { Name: 'CloudInit', Value: 'NotInstalled', RiskLevel: 'Medium', RiskCode: 'CloudInitNotInstalled' },
  { Name: 'Virtio', Value: 'Supported' },
];

/** "Fuzzy search is supported" for ImageName. What it matches is not documented. */
const IMAGE_NAME_SEARCHES = {
  part: (name: string, wanted: string) => name.includes(wanted),
  pattern: (name: string, wanted: string) =>
    new RegExp(`^${wanted.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(name),
  whole: (name: string, wanted: string) => name === wanted,
};

function describeImages(call: RpcCall): object {
  const { params } = call;
  const search = IMAGE_NAME_SEARCHES[call.world.imageNameSearch];
  const status = (params.Status ?? 'Available').split(',');
  const states = params.Status === 'ALL' ? STATES : status;
  if (!states.every((one) => STATES.includes(one))) fail('InvalidStatus.NotFound');
  const alias = params.ImageOwnerAlias ?? '';
  if (!['', 'self', 'system', 'others', 'marketplace'].includes(alias))
    fail('InvalidImageOwnerAlias.ValueNotSupported');
  const ids = params.ImageId ? params.ImageId.split(',') : undefined;
  const fitting = visible(call).filter((image) => {
    const owner = aliasOf(call, image);
    if (owner === undefined || (alias !== '' && owner !== alias) || !states.includes(image.status)) return false;
    if (ids && !ids.includes(image.id)) return false;
    return params.ImageName === undefined || search(image.name.toLowerCase(), params.ImageName.toLowerCase());
  });
  return paged(params, fitting, (page) => ({
    RegionId: call.region,
    Images: { Image: page.map((one) => describe(call, one)) },
  }));
}

/** PageSize is 10 unless given, and at most 100. */
export function paged<T>(params: Record<string, string>, all: T[], show: (page: T[]) => object): object {
  const [number, size] = [Number(params.PageNumber ?? 1), Number(params.PageSize ?? 10)];
  const valid = Number.isInteger(number) && number >= 1 && Number.isInteger(size) && size >= 1 && size <= 100;
  if (!valid) fail('InvalidParameter');
  return {
    PageNumber: number,
    PageSize: size,
    TotalCount: all.length,
    ...show(all.slice((number - 1) * size, number * size)),
  };
}

const PLAIN = `ImageId=id ImageName=name ImageFamily=family ImageVersion: Description=description Status=status
  Architecture=architecture OSType=osType Platform=platform BootMode=bootMode ResourceGroupId=resourceGroupId`;
const DISK = 'Device=device SnapshotId=snapshotId Format=format ImportOSSBucket=bucket ImportOSSObject=object';

function describe(call: RpcCall, image: Image): object {
  return {
    ...shape(PLAIN, image),
    ImageOwnerAlias: aliasOf(call, image),
    // The documentation gives its type as a number; it has 16 digits.
    ImageOwnerId: Number(image.owner),
    Progress: `${image.progress}%`,
    Size: Math.max(0, ...image.disks.map(({ sizeGiB }) => sizeGiB)),
    CreationTime: isoSeconds(image.created),
    Usage: image.usedByInstance ? 'instance' : 'none',
    Features: { NvmeSupport: image.nvmeSupport, ImdsSupport: image.imdsSupport },
    ...(image.detectionStrategy && { DetectionOptions: { Status: 'Finished', Items: { Item: FINDINGS } } }),
    // It is an open question whether tags and objects are shown while the image is Creating.
    Tags: { Tag: Object.entries(image.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) },
    DiskDeviceMappings: { DiskDeviceMapping: image.disks.map(describeDisk) },
  };
}

function describeDisk(disk: Disk, at: number): object {
  return { ...shape(DISK, disk), Type: at === 0 ? 'system' : 'data', Size: String(disk.sizeGiB) };
}

function modify(call: RpcCall): object {
  const { ImageName: name, ImageFamily: family, BootMode: bootMode } = call.params;
  const image = ownImage(call);
  // It is not documented which states allow a change. An image that is being made is assumed not to.
  if (['Creating', 'Waiting'].includes(image.status)) fail('IncorrectImageStatus');
  checkOneOf(bootMode, ['BIOS', 'UEFI', 'UEFI-Preferred'], 'InvalidBootMode.Malformed');
  if (family !== undefined && !isName(family)) fail('InvalidImageFamily.Malformed');
  if (name !== undefined && name !== image.name) checkName(call, name, call.region);
  if (call.params.DryRun === 'true') fail('DryRunOperation');
  lag(call.world, image.id);
  image.name = name ?? image.name;
  image.family = family ?? image.family;
  image.bootMode = bootMode ?? image.bootMode;
  return {};
}

function deleteImage(call: RpcCall): object {
  const image = ownImage(call);
  if (image.status === 'Creating') fail(image.copy ? 'OperationDenied.ImageCopying' : 'ImageIsImporting');
  if (copiesOf(call, image).length > 0) fail('OperationDenied.ImageCopying');
  // Force is only documented for images that instances use.
  if (image.sharedWith.length > 0) fail('ImageUseShared');
  if (image.usedByInstance && call.params.Force !== 'true') fail('ImageUsingByInstance');
  removeImage(call.world, image);
  return {};
}
