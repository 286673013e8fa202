import { CloudError } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { findImages, isOurs, tagParams } from './images.ts';
import type { Import } from './import.ts';

/** What CopyImage is told. */
export interface CopySpec {
  imageId: string;
  /** Region that the copy goes to; the image's own for an encrypted copy. */
  to: string;
  description: string | undefined;
  encrypted: boolean;
  kmsKeyId: string | undefined;
  resourceGroupId: string | undefined;
  tags: Record<string, string>;
  /** At most 64 ASCII characters; the same for every try of this copy. */
  clientToken: string;
  /** `<repository>/<run id>`. */
  run: string;
}

/** What CopyImage answers while another copy of the same image is under way: they go one after another. */
const BUSY = /^(OperationDenied\.ImageCop\w+|InvalidOperation\.Conflict)$/;

/**
 * Starts a copy under `name`, once; waits for its turn where the image is being copied already.
 * https://help.aliyun.com/document_detail/25538.html
 * @param here - door to the region of the image, which is where the call goes
 * @param there - door to the region of the copy
 * @param patience - longest wait for its turn, in ms
 * @throws CloudError
 */
export async function startCopy(
  here: Rpc,
  there: Rpc,
  name: string,
  spec: CopySpec,
  patience: number,
): Promise<Import> {
  let busy: CloudError | undefined;
  const start = async (): Promise<Import | undefined> => {
    try {
      const imageId = textAt(await here('CopyImage', copyParams(name, spec)), 'ImageId');
      if (imageId !== undefined) return { imageId };
      throw new CloudError('ecs:CopyImage', 'UnexpectedAnswer', 'the answer names no image');
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const lost = (await findImages(there, { name })).find((image) => isOurs(image, spec.run));
      if (lost !== undefined) return { imageId: lost.id };
      if (!BUSY.test(error.code)) throw error;
      busy = error;
      return undefined;
    }
  };
  const started = await poll({ first: 10_000, slowest: 60_000, deadline: now() + patience }, start);
  if (started === undefined)
    throw busy ?? new CloudError('ecs:CopyImage', 'WaitTimedOut', `no copy to ${spec.to} began`);
  return started;
}

function copyParams(name: string, spec: CopySpec) {
  return {
    ImageId: spec.imageId,
    DestinationRegionId: spec.to,
    DestinationImageName: name,
    DestinationDescription: spec.description,
    Encrypted: spec.encrypted || undefined,
    KMSKeyId: spec.kmsKeyId,
    ResourceGroupId: spec.resourceGroupId,
    ...tagParams(spec.tags),
    ClientToken: spec.clientToken,
  };
}
