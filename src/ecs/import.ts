import { callWhile } from '../cloud/again.ts';
import { CloudError, hasCode } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { passes } from '../cloud/retry.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findMarked, LISTING_LAG, MARK_TAG, tagParams } from './images.ts';
import { importTask } from './tasks.ts';

/** What ImportImage is told, in the API's words. */
export interface ImportSpec {
  name: string;
  bucket: string;
  /** The system disk first; `size` in GiB. */
  disks: { key: string; format: string; size: number | undefined }[];
  osType: string;
  platform: string;
  architecture: string;
  description?: string | undefined;
  bootMode?: string | undefined;
  licenseType?: string | undefined;
  roleName?: string | undefined;
  resourceGroup?: string | undefined;
  detection?: string | undefined;
  nvme?: string | undefined;
  imds?: string | undefined;
  /** Ours and the user's. */
  tags: Record<string, string>;
  /** At most 64 ASCII characters; the same for every try of this import. */
  clientToken: string;
}

/** An import or a copy under way. */
export interface Started {
  imageId: string;
  /** Of an import; unknown when an import under way was found rather than started. */
  taskId?: string | undefined;
}

/** The service has an image of that name, or an import with that token: perhaps ours, of a try whose answer was lost. */
const TAKEN = /^(InvalidImageName\.Duplicated?|ImageIsImporting|Idempotent\w+)$/;

/** ECS may not see yet what OSS has just stored: undocumented. Without this wait a whole upload would be lost. */
const NOT_SEEN_YET = { code: /^InvalidOSS(Object|Bucket)\.NotFound$/, patience: 60_000, first: 2_000, slowest: 10_000 };

/**
 * Starts the import of staged objects, once: a try whose answer was lost is found again by ClientToken or mark.
 * https://help.aliyun.com/document_detail/25542.html
 * @throws CloudError with the service's code
 */
export async function startImport(ecs: Rpc, spec: ImportSpec): Promise<Started> {
  try {
    const answer = await callWhile(NOT_SEEN_YET, () => ecs('ImportImage', importParams(spec)));
    const imageId = textAt(answer, 'ImageId');
    if (imageId !== undefined) return { imageId, taskId: textAt(answer, 'TaskId') };
    throw new CloudError('ecs:ImportImage', 'UnexpectedAnswer', 'the answer names no image');
  } catch (error) {
    if (!hasCode(error, TAKEN) && !passes(error)) throw error;
    const imageId = await findLost(ecs, spec).catch(() => undefined);
    if (imageId === undefined) throw error;
    return { imageId, taskId: await importTask(ecs, imageId).catch(() => undefined) };
  }
}

/** Id of the image that a try whose answer was lost has made; it may take a moment to be listed. */
async function findLost(ecs: Rpc, { name, tags }: ImportSpec): Promise<string | undefined> {
  const look = async () => (await findMarked(ecs, name, tags[MARK_TAG] ?? ''))?.id;
  return poll({ first: 1_000, slowest: 3_000, deadline: now() + LISTING_LAG }, look);
}

export function importParams(spec: ImportSpec): Params {
  return {
    ImageName: spec.name,
    OSType: spec.osType,
    Platform: spec.platform,
    Architecture: spec.architecture,
    Description: spec.description,
    BootMode: spec.bootMode,
    LicenseType: spec.licenseType,
    RoleName: spec.roleName,
    ResourceGroupId: spec.resourceGroup,
    DetectionStrategy: spec.detection,
    'Features.NvmeSupport': spec.nvme,
    'Features.ImdsSupport': spec.imds,
    ...Object.fromEntries(spec.disks.flatMap((disk, n) => diskParams(`DiskDeviceMapping.${n + 1}`, spec.bucket, disk))),
    ...tagParams(spec.tags),
    ClientToken: spec.clientToken,
  };
}

function diskParams(mapping: string, bucket: string, { key, format, size }: ImportSpec['disks'][number]) {
  const params = { Format: format, OSSBucket: bucket, OSSObject: key, DiskImageSize: size };
  return Object.entries(params).map(([name, value]): [string, string | number | undefined] => [
    `${mapping}.${name}`,
    value,
  ]);
}
