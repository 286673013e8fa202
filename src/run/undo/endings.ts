import { isDerived } from '../keys.ts';
import type { Made } from '../ledger.ts';
import type { Mark } from '../ownership.ts';

/** `failure` is also the ending of a run that was cancelled or killed: the post step undoes what it finds recorded. */
export type Ending = 'success' | 'failure' | 'timeout';

/**
 * What is undone after an ending, in the words of a table:
 *
 * | ending  | upload, object                                    | images                                       |
 * | ------- | ------------------------------------------------- | -------------------------------------------- |
 * | success | aborted and deleted; `skip_clean` keeps object    | intermediate and replaced ones deleted       |
 * | failure | aborted and deleted; `skip_clean` keeps object    | cancelled and removed; finished ones stay    |
 * |         | and, under a derived key, the upload to resume    |                                              |
 * | timeout | object kept: the import is reading it             | kept: the import continues                     |
 */
export function undoneAfter(ending: Ending, made: Made[], { skipClean, me }: { skipClean: boolean; me: Mark }): Made[] {
  const isKept = (one: Made): boolean => {
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
