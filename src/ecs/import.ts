import { callWhile } from '../cloud/again.ts';
import { textAt } from '../cloud/json.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { imageIdFrom, tagParams } from './images.ts';
import { importTask } from './tasks.ts';

/** The parameters of ImportImage, in the API's words. */
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
  /** The action's own tags and the user's. */
  tags: Record<string, string>;
  /** At most 64 ASCII characters; the same in every try of this import. */
  clientToken: string;
}

/** An import or a copy that is in progress. */
export interface Started {
  imageId: string;
  /** Only of an import, and only if it is known. */
  taskId?: string | undefined;
}

/** ECS may not see an object that OSS has just stored (undocumented). Without this wait the whole upload would be wasted. */
const NOT_SEEN_YET = { code: /^InvalidOSS(Object|Bucket)\.NotFound$/, patience: 60_000, first: 2_000, slowest: 10_000 };

/**
 * Starts the import of staged objects, once: the image of a try whose answer was lost is found by ClientToken or mark.
 * https://help.aliyun.com/document_detail/25542.html
 * @throws CloudError with the service's code
 */
export async function startImport(ecs: Rpc, spec: ImportSpec): Promise<Started> {
  let taskId: string | undefined;
  const call = async () => {
    const answer = await callWhile(NOT_SEEN_YET, () => ecs('ImportImage', importParams(spec)));
    taskId = textAt(answer, 'TaskId');
    return answer;
  };
  const imageId = await imageIdFrom('ecs:ImportImage', call, ecs, spec);
  return { imageId, taskId: taskId ?? (await importTask(ecs, imageId).catch(() => undefined)) };
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
