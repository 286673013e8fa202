import type { Rpc } from '../cloud/rpc.ts';
import { shareImage } from './share.ts';

/** What a finished image is given besides its name. */
export interface Finish {
  family: string | undefined;
  /** ImportImage does not take it (https://help.aliyun.com/document_detail/25542.html). */
  uefiPreferred: boolean;
  /** Account ids. */
  accounts: string[];
}

/** Gives an image that is Available its family, boot mode and sharing. Idempotent. @throws CloudError */
export async function finishImage(
  ecs: Rpc,
  imageId: string,
  { family, uefiPreferred, accounts }: Finish,
): Promise<void> {
  if (family !== undefined || uefiPreferred) {
    const bootMode = uefiPreferred ? 'UEFI-Preferred' : undefined;
    await ecs('ModifyImageAttribute', { ImageId: imageId, ImageFamily: family, BootMode: bootMode });
  }
  if (accounts.length > 0) await shareImage(ecs, imageId, accounts);
}
