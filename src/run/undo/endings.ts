import { isDerived } from '../keys.ts';
import type { LedgerEntry } from '../ledger.ts';
import type { Mark } from '../ownership.ts';

/** `failure` includes runs that were cancelled or killed: the post step undoes what was recorded. */
export type Ending = 'success' | 'failure' | 'timeout';

/**
 * Which entries are undone after an ending:
 *
 * | ending  | upload, object                                    | images                                       |
 * | ------- | ------------------------------------------------- | -------------------------------------------- |
 * | success | aborted and deleted; `skip_clean` keeps object    | intermediate and replaced ones deleted       |
 * | failure | aborted and deleted; `skip_clean` keeps object    | cancelled and removed; finished ones are kept|
 * |         | and, under a derived key, the upload to resume    |                                              |
 * | timeout | object kept: the import is reading it             | kept: the import continues                   |
 */
export function undoneAfter(
  ending: Ending,
  made: LedgerEntry[],
  { skipClean, me }: { skipClean: boolean; me: Mark },
): LedgerEntry[] {
  const isKept = (one: LedgerEntry): boolean => {
    switch (one.kind) {
      case 'upload':
        return skipClean && ending === 'failure' && isDerived(one.key, me);
      case 'object':
        return skipClean || ending === 'timeout';
      case 'image':
      case 'replaced':
        return ending === 'timeout';
      case 'zeros':
      case 'role':
        return false;
    }
  };
  return made.filter((one) => !isKept(one));
}
