import { CloudError } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { entries } from './pages.ts';

/** The rest of what a finished image gets. */
export interface Finish {
  family: string | undefined;
  bootMode: string | undefined;
  /** Ids of the accounts to share the image with. */
  accounts: string[];
}

/**
 * Sets family and boot mode of an Available image, and shares it. Idempotent. ImportImage accepts neither a family nor the
 * boot mode UEFI-Preferred (https://help.aliyun.com/document_detail/25542.html).
 * @throws CloudError
 */
export async function finishImage(ecs: Rpc, imageId: string, { family, bootMode, accounts }: Finish): Promise<void> {
  const preferred = bootMode === 'UEFI-Preferred' ? bootMode : undefined;
  if (family !== undefined || preferred !== undefined)
    await ecs('ModifyImageAttribute', { ImageId: imageId, ImageFamily: family, BootMode: preferred });
  if (accounts.length > 0) await shareImage(ecs, imageId, accounts);
}

/** ECS accepts ten accounts per call and ignores the rest without an error (https://help.aliyun.com/document_detail/25536.html). */
const AT_ONCE = 10;
/** Longest time until the list shows a new account, in ms (undocumented). */
const READ_BACK = 15_000;

/** Shares an image and reads back the accounts. Idempotent. @throws CloudError `ShareIncomplete` with missing accounts */
async function shareImage(ecs: Rpc, imageId: string, accounts: string[]): Promise<void> {
  let missing = await notShared(ecs, imageId, accounts);
  for (let at = 0; at < missing.length; at += AT_ONCE) {
    const added = missing
      .slice(at, at + AT_ONCE)
      .map((account, n): [string, string] => [`AddAccount.${n + 1}`, account]);
    await ecs('ModifyImageSharePermission', { ImageId: imageId, ...Object.fromEntries(added) });
  }
  const readBack = async () => {
    if (missing.length > 0) missing = await notShared(ecs, imageId, accounts);
    return missing.length === 0 || undefined;
  };
  if (await poll({ first: 1_000, slowest: 5_000, deadline: now() + READ_BACK }, readBack)) return;
  const text = `image ${imageId} is not shared with ${missing.join(', ')}`;
  throw new CloudError('ecs:ModifyImageSharePermission', 'ShareIncomplete', text);
}

/** The accounts that cannot use the image yet. */
async function notShared(ecs: Rpc, imageId: string, accounts: string[]): Promise<string[]> {
  const sharing = new Set<string | undefined>();
  const shares = entries(ecs, 'DescribeImageSharePermission', { ImageId: imageId }, 'Accounts', 'Account');
  for await (const share of shares) sharing.add(textAt(share, 'AliyunId'));
  return accounts.filter((account) => !sharing.has(account));
}
