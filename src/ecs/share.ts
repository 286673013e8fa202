import { CloudError } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { entries } from './pages.ts';

/** The service takes ten accounts a call and silently ignores the rest (https://help.aliyun.com/document_detail/25536.html). */
const AT_ONCE = 10;
/** How long the list of accounts may lag behind, in ms: undocumented. */
const READ_BACK = 15_000;

/**
 * Shares an image with accounts and proves it by reading back. Idempotent.
 * @throws CloudError `ShareIncomplete` naming the accounts that are missing
 */
export async function shareImage(ecs: Rpc, imageId: string, accounts: string[]): Promise<void> {
  const missing = await notShared(ecs, imageId, accounts);
  for (let at = 0; at < missing.length; at += AT_ONCE) {
    const added = missing
      .slice(at, at + AT_ONCE)
      .map((account, n): [string, string] => [`AddAccount.${n + 1}`, account]);
    await ecs('ModifyImageSharePermission', { ImageId: imageId, ...Object.fromEntries(added) });
  }
  let left = missing;
  const readBack = async () => {
    if (left.length > 0) left = await notShared(ecs, imageId, accounts);
    return left.length === 0 || undefined;
  };
  if (await poll({ first: 1_000, slowest: 5_000, deadline: now() + READ_BACK }, readBack)) return;
  const text = `image ${imageId} is not shared with ${left.join(', ')}`;
  throw new CloudError('ecs:ModifyImageSharePermission', 'ShareIncomplete', text);
}

/** Which of the accounts cannot use the image yet. */
async function notShared(ecs: Rpc, imageId: string, accounts: string[]): Promise<string[]> {
  const sharing = new Set<string | undefined>();
  const shares = entries(ecs, 'DescribeImageSharePermission', { ImageId: imageId }, 'Accounts', 'Account');
  for await (const share of shares) sharing.add(textAt(share, 'AliyunId'));
  return accounts.filter((account) => !sharing.has(account));
}
