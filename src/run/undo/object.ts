import { removeObject } from '../../oss/objects.ts';
import { claimTo } from '../keys.ts';
import { removeCommand, type Undo } from './kind.ts';

export const object: Undo<'object'> = {
  deadline: 200_000,
  async undo({ key, etag, versionId }, { clients: { oss }, me, log }) {
    const gone = await removeObject(oss, { ...claimTo(key, me), etag, versionId });
    if (!gone) log.info(`oss://${oss.bucket}/${key} was not made by this run and is kept.`);
  },
  byHand: ({ key }, bucket) =>
    `The staged object may still exist and is billed. Remove it: ${removeCommand(bucket, key)}`,
};
