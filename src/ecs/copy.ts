import { callWhile } from '../cloud/again.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { imageIdFrom, tagParams } from './images.ts';
import type { Started } from './import.ts';

/** The parameters of CopyImage. */
export interface CopySpec {
  imageId: string;
  name: string;
  /** Region of the copy; the image's own region for an encrypted copy. */
  to: string;
  description: string | undefined;
  encrypted: boolean;
  kmsKeyId: string | undefined;
  resourceGroupId: string | undefined;
  tags: Record<string, string>;
  /** At most 64 ASCII characters; the same in every try of this copy. */
  clientToken: string;
}

/** CopyImage refuses a second copy of the same image while the first is in progress. */
const BUSY = /^(OperationDenied\.ImageCop\w+|InvalidOperation\.Conflict)$/;

/**
 * Starts a copy, once; waits while another copy of the image is in progress.
 * https://help.aliyun.com/document_detail/25538.html
 * @param here - client for the region of the image, which receives the call
 * @param there - client for the region of the copy
 * @param patience - longest wait for the other copy, in ms
 * @throws CloudError
 */
export async function startCopy(here: Rpc, there: Rpc, spec: CopySpec, patience: number): Promise<Started> {
  const start = () => imageIdFrom('ecs:CopyImage', () => here('CopyImage', copyParams(spec)), there, spec);
  return { imageId: await callWhile({ code: BUSY, patience, first: 10_000, slowest: 60_000 }, start) };
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
