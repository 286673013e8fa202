import { CloudError } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { findImages, isOurs, TAG } from './images.ts';

/** What ImportImage is told, in the API's words. */
export interface ImportSpec {
  bucket: string;
  key: string;
  format: string;
  osType: string;
  platform: string;
  architecture: string;
  description?: string | undefined;
  bootMode?: string | undefined;
  licenseType?: string | undefined;
  roleName?: string | undefined;
  /** Size of the system disk in GiB. */
  systemSize?: number | undefined;
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

/**
 * Starts the import of a staged object under `name`, once: a try whose answer was lost is found again by ClientToken or tag.
 * https://help.aliyun.com/document_detail/25542.html
 * @throws CloudError with the service's code
 */
export async function startImport(ecs: Rpc, name: string, spec: ImportSpec): Promise<Import> {
  try {
    const answer = await ecs('ImportImage', importParams(name, spec));
    const imageId = textAt(answer, 'ImageId');
    if (imageId !== undefined) return { imageId, taskId: textAt(answer, 'TaskId') };
    throw new CloudError('ecs:ImportImage', 'UnexpectedAnswer', 'the answer names no image');
  } catch (error) {
    const ambiguous =
      /^(InvalidImageName\.Duplicated|ImageIsImporting|Idempotent\w+|UnexpectedAnswer|Timeout|E[A-Z]+)$/;
    if (!(error instanceof CloudError) || !ambiguous.test(error.code)) throw error;
    const ours = (await findImages(ecs, { name })).find((image) => isOurs(image, spec.run));
    if (ours === undefined) throw error;
    return { imageId: ours.id };
  }
}

function importParams(name: string, spec: ImportSpec): Params {
  return {
    ImageName: name,
    OSType: spec.osType,
    Platform: spec.platform,
    Architecture: spec.architecture,
    Description: spec.description,
    BootMode: spec.bootMode,
    LicenseType: spec.licenseType,
    RoleName: spec.roleName,
    'DiskDeviceMapping.1.Format': spec.format,
    'DiskDeviceMapping.1.OSSBucket': spec.bucket,
    'DiskDeviceMapping.1.OSSObject': spec.key,
    'DiskDeviceMapping.1.DiskImageSize': spec.systemSize,
    'Tag.1.Key': TAG,
    'Tag.1.Value': spec.run,
    ClientToken: spec.clientToken,
  };
}
