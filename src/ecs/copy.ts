import { callWhile } from '../cloud/again.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { imageIdFrom } from './images.ts';
import type { Started } from './import.ts';

/** CopyImage refuses a second copy of the same image while the first is in progress. */
const BUSY = /^(OperationDenied\.ImageCop\w+|InvalidOperation\.Conflict)$/;

/** A copy to start. */
export interface CopySpec {
  name: string;
  tags: Record<string, string>;
  /** The parameters of CopyImage, with a ClientToken that is the same in every try. */
  params: Params;
  /** Longest wait for another copy of the image, in ms. */
  patience: number;
}

/**
 * Starts a copy, once; waits while another copy of the image is in progress.
 * https://help.aliyun.com/document_detail/25538.html
 * @param here - client for the region of the image, which receives the call
 * @param there - client for the region of the copy
 * @throws CloudError
 */
export async function startCopy(here: Rpc, there: Rpc, { params, patience, ...image }: CopySpec): Promise<Started> {
  const start = () => imageIdFrom('ecs:CopyImage', () => here('CopyImage', params), there, image);
  return { imageId: await callWhile({ code: BUSY, patience, first: 10_000, slowest: 60_000 }, start) };
}
