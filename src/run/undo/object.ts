import { removeObject } from '../../oss/objects.ts';
import { isDerived } from '../keys.ts';
import { isOurs } from '../ownership.ts';
import { removeCommand, type Undo } from './kind.ts';

export const object: Undo<'object'> = {
  deadline: 200_000,
  async undo({ key, etag, versionId }, { clients: { oss }, me, log }) {
    const claim = { key, etag, versionId, derived: isDerived(key, me), isOurs: (mark?: string) => isOurs(mark, me) };
    const gone = await removeObject(oss, claim);
    if (!gone) log.info(`oss://${oss.bucket}/${key} was not made by this run: it stays.`);
    return undefined;
  },
  byHand: ({ key }, { request: { bucket } }) =>
    `The staged object may still exist and is billed. Remove it: ${removeCommand(bucket, key)}`,
};
