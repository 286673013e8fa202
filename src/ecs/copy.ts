import { callWhile } from '../cloud/again.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { imageIdFrom, type NewImage } from './images.ts';
import type { Started } from './import.ts';

/** CopyImage refuses a second copy of the same image while the first is in progress. */
const BUSY = /^(OperationDenied\.ImageCop\w+|InvalidOperation\.Conflict)$/;

/**
 * Starts a copy, once; waits while another copy of the image is in progress.
 * https://help.aliyun.com/document_detail/25538.html
 * @param here - client for the region of the image, which receives the call
 * @param there - client for the region of the copy
 * @param patience - longest wait for another copy of the image, in ms
 * @throws CloudError
 */
export async function startCopy(here: Rpc, there: Rpc, image: NewImage, patience: number): Promise<Started> {
  const start = () => imageIdFrom('ecs:CopyImage', () => here('CopyImage', image.params), there, image);
  return { imageId: await callWhile({ code: BUSY, patience, first: 10_000, slowest: 60_000 }, start) };
}
