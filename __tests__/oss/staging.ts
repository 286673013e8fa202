/** How tests stage a disk: as the run does, but without its ledger. */
import type { Staging } from '../../src/oss/staging.ts';

export const KEY = 'alicloud-import/image/1/disk.raw';
/** The mark of the execution whose upload is tested. */
export const MARK = '0123456789abcdef.1.01234567';

export function staging(some: Partial<Staging> = {}): Staging {
  const nothing = () => undefined;
  const isOurs = (mark: string | undefined) => mark === MARK;
  const callbacks = { onUpload: nothing, noUpload: nothing, onZeros: nothing, noZeros: nothing };
  return { key: KEY, mark: MARK, isOurs, zeros: KEY, ...callbacks, ...some };
}
