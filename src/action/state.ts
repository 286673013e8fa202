import { getState, saveState } from '@actions/core';
import { parsed } from '../cloud/json.ts';
import type { Made } from '../run/ledger.ts';
import type { Mark } from '../run/ownership.ts';
import type { ImportRequest, Place } from '../run/request.ts';

/**
 * What main leaves for post. The runner evaluates the inputs anew for post, and a later step may have changed what they
 * give: post takes from them nothing but credentials.
 */
export interface Saved {
  me: Mark;
  request: Place & Pick<ImportRequest, 'skipClean' | 'forceDeleteSnapshots'>;
  /** Id of the account; undefined where main could not ask. */
  account: string | undefined;
  made: Made[];
}

export const savePost = (saved: Saved): void => {
  saveState('left', JSON.stringify(saved));
};

/** What main has saved; undefined when it had made nothing. */
export const savedByMain = (): Saved | undefined => parsed(getState('left')) as Saved | undefined;

/** Whether this is the post step; the first call of a step says so to the next one. */
export function isPostStep(): boolean {
  const isPost = getState('isPost') !== '';
  saveState('isPost', 'true');
  return isPost;
}
