import { CloudError, hasCode } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { passes } from '../cloud/retry.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, isOurs, LISTING_LAG, tagParams } from './images.ts';
import { importTask } from './tasks.ts';

/** What ImportImage is told, in the API's words. */
export interface ImportSpec {
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
  /** `<repository>/<run id>`. */
  run: string;
}

export interface Import {
  imageId: string;
  /** Unknown when an import under way was found rather than started. */
  taskId?: string | undefined;
}

/** The service has an image of that name, or an import with that token: perhaps ours, of a try whose answer was lost. */
const TAKEN = /^(InvalidImageName\.Duplicated|ImageIsImporting|Idempotent\w+)$/;

/**
 * Starts the import of a staged object under `name`, once: a try whose answer was lost is found again by ClientToken or tag.
 * https://help.aliyun.com/document_detail/25542.html
 * @throws CloudError with the service's code
 */
export async function startImport(ecs: Rpc, name: string, spec: ImportSpec): Promise<Import> {
  try {
    const answer = await whenSeen(() => ecs('ImportImage', importParams(name, spec)));
    const imageId = textAt(answer, 'ImageId');
    if (imageId !== undefined) return { imageId, taskId: textAt(answer, 'TaskId') };
    throw new CloudError('ecs:ImportImage', 'UnexpectedAnswer', 'the answer names no image');
  } catch (error) {
    if (!hasCode(error, TAKEN) && !passes(error)) throw error;
    const ours = await findOurs(ecs, name, spec.run).catch(() => undefined);
    if (ours === undefined) throw error;
    return { imageId: ours, taskId: await importTask(ecs, ours).catch(() => undefined) };
  }
}

/** ECS may not see yet what OSS has just stored and proven: undocumented, and an hour of upload would be lost. */
async function whenSeen<T>(start: () => Promise<T>): Promise<T> {
  const deadline = now() + 60_000;
  const answer = await poll({ first: 2_000, slowest: 10_000, deadline: Infinity }, async () => {
    try {
      return { of: await start() };
    } catch (error) {
      const isUnseen = error instanceof CloudError && /^InvalidOSS(Object|Bucket)\.NotFound$/.test(error.code);
      if (!isUnseen || now() >= deadline) throw error;
      return undefined;
    }
  });
  return (answer as { of: T }).of;
}

/** Id of the image that an import of ours has made under the name; it may take a moment to be listed. */
async function findOurs(ecs: Rpc, name: string, run: string): Promise<string | undefined> {
  const look = async () => {
    const holders = await findImages(ecs, { name });
    return holders.length === 0 ? undefined : { ours: holders.find((image) => isOurs(image, run))?.id };
  };
  return (await poll({ first: 1_000, slowest: 3_000, deadline: now() + LISTING_LAG }, look))?.ours;
}

export function importParams(name: string, spec: ImportSpec): Params {
  return {
    ImageName: name,
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
