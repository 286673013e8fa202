import { createHash } from 'node:crypto';
import type { Params } from '../cloud/rpc.ts';
import { CONTENT_TAG, MARK_TAG, RUN_TAG, tagParams, type NewImage } from '../ecs/images.ts';
import type { StagedObject } from '../oss/upload.ts';
import { bootModeOf, contentOf, licenseOf } from './content.ts';
import type { Context } from './context.ts';
import { markText } from './ownership.ts';
import type { Target } from './targets.ts';

/** What the images of a run are made from. */
export interface Sources {
  staged: Pick<StagedObject, 'key' | 'etag' | 'versionId'>[];
  /** CRC-64 of each disk. */
  sums: string[];
  /** The image to copy: the last one made in the requested region. */
  imageId?: string;
}

/** The image to start, by import or copy. */
export function newImage(context: Context, target: Target, from: Sources, name: string): NewImage {
  const paramsOf = target.kind === 'import' ? importParams : copyParams;
  return { name, mark: markText(context.me), params: paramsOf(context, target, from, name) };
}

/** The parameters of ImportImage. https://help.aliyun.com/document_detail/25542.html */
export function importParams(context: Context, target: Target, from: Sources, name: string): Params {
  const { request, disks } = context;
  const { image, bucket, importRole } = request;
  const mappings = disks.flatMap(({ format }, n) => [
    [`DiskDeviceMapping.${n + 1}.Format`, format],
    [`DiskDeviceMapping.${n + 1}.OSSBucket`, bucket],
    [`DiskDeviceMapping.${n + 1}.OSSObject`, from.staged[n]?.key],
  ]);
  return {
    ImageName: name,
    OSType: image.osType,
    Platform: image.platform,
    Architecture: image.architecture,
    Description: image.description,
    BootMode: bootModeOf(request, disks),
    LicenseType: licenseOf(request),
    RoleName: importRole,
    ResourceGroupId: image.resourceGroup,
    DetectionStrategy: image.detection,
    'Features.NvmeSupport': image.nvme,
    'Features.ImdsSupport': image.imds,
    ...(Object.fromEntries(mappings) as Params),
    'DiskDeviceMapping.1.DiskImageSize': image.systemSize,
    ...commonParams(context, target, from, name),
  };
}

/** The parameters of CopyImage. https://help.aliyun.com/document_detail/25538.html */
function copyParams(context: Context, target: Target, from: Sources, name: string): Params {
  const { image } = context.request;
  return {
    ImageId: from.imageId,
    DestinationRegionId: target.region,
    DestinationImageName: name,
    DestinationDescription: image.description,
    Encrypted: target.encrypted || undefined,
    KMSKeyId: target.kmsKeyId,
    ResourceGroupId: image.resourceGroup,
    ...commonParams(context, target, from, name),
  };
}

/** Tags, and a ClientToken that is the same in every try of one import or copy and different in every execution. */
function commonParams({ request, disks, me }: Context, target: Target, { sums }: Sources, name: string): Params {
  const { repository, runId } = request.workflow;
  const mark = markText(me);
  const tags = tagParams({
    [MARK_TAG]: mark,
    [CONTENT_TAG]: contentOf(request, disks, sums, target),
    [RUN_TAG]: `${repository}/${runId}`.slice(-128),
    ...request.image.tags,
  });
  const token = JSON.stringify([mark, target.region, name]);
  return { ...tags, ClientToken: createHash('sha256').update(token).digest('hex') };
}
