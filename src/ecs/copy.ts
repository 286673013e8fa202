import { callWhile } from '../cloud/again.ts';
import { CloudError, hasCode } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { passes } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { findMarked, MARK_TAG, tagParams } from './images.ts';
import type { Started } from './import.ts';

/** What CopyImage is told. */
export interface CopySpec {
  imageId: string;
  name: string;
  /** Region that the copy goes to; the image's own for an encrypted copy. */
  to: string;
  description: string | undefined;
  encrypted: boolean;
  kmsKeyId: string | undefined;
  resourceGroupId: string | undefined;
  tags: Record<string, string>;
  /** At most 64 ASCII characters; the same for every try of this copy. */
  clientToken: string;
}

/** What CopyImage answers while another copy of the same image is under way: they go one after another. */
const BUSY = /^(OperationDenied\.ImageCop\w+|InvalidOperation\.Conflict)$/;
/** The service has an image of that name, or a copy with that token: perhaps ours, of a try whose answer was lost. */
const TAKEN = /^(InvalidImageName\.Duplicated?|Idempotent\w+)$/;

/**
 * Starts a copy, once; waits for its turn while the image is being copied already.
 * https://help.aliyun.com/document_detail/25538.html
 * @param here - client for the region of the image, which is where the call goes
 * @param there - client for the region of the copy
 * @param patience - longest wait for its turn, in ms
 * @throws CloudError
 */
export async function startCopy(here: Rpc, there: Rpc, spec: CopySpec, patience: number): Promise<Started> {
  const start = async (): Promise<Started> => {
    try {
      const imageId = textAt(await here('CopyImage', copyParams(spec)), 'ImageId');
      if (imageId !== undefined) return { imageId };
      throw new CloudError('ecs:CopyImage', 'UnexpectedAnswer', 'the answer names no image');
    } catch (error) {
      if (!hasCode(error, BUSY) && !hasCode(error, TAKEN) && !passes(error)) throw error;
      const lost = await findMarked(there, spec.name, spec.tags[MARK_TAG] ?? '').catch(() => undefined);
      if (lost !== undefined) return { imageId: lost.id };
      throw error;
    }
  };
  return callWhile({ code: BUSY, patience, first: 10_000, slowest: 60_000 }, start);
}

function copyParams(spec: CopySpec) {
  return {
    ImageId: spec.imageId,
    DestinationRegionId: spec.to,
    DestinationImageName: spec.name,
    DestinationDescription: spec.description,
    Encrypted: spec.encrypted || undefined,
    KMSKeyId: spec.kmsKeyId,
    ResourceGroupId: spec.resourceGroupId,
    ...tagParams(spec.tags),
    ClientToken: spec.clientToken,
  };
}
