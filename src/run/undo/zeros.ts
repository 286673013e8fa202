import { abortUploads, removeObject } from '../../oss/objects.ts';
import { zeroKeys } from '../../oss/zeros.ts';
import { claimTo } from '../keys.ts';
import { removeCommand, type Undo } from './kind.ts';

export const zeros: Undo<'zeros'> = {
  deadline: 45_000,
  async undo({ key: prefix }, { clients: { oss }, me }) {
    const { object, seed } = zeroKeys(prefix);
    await abortUploads(oss, object);
    for (const key of [object, seed]) await removeObject(oss, claimTo(key, me));
  },
  byHand({ key }, bucket) {
    const { object, seed } = zeroKeys(key);
    const commands = `${removeCommand(bucket, object)}; ${removeCommand(bucket, seed)}`;
    return `Objects that hold only zeros may still exist. Remove them: ${commands}`;
  },
};
