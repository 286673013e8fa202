import { getState, saveState } from '@actions/core';
import { parsed } from '../cloud/json.ts';
import type { LedgerEntry } from '../run/ledger.ts';
import type { Mark } from '../run/ownership.ts';
import type { ImportRequest, Place } from '../run/request.ts';

/**
 * What main saves for post. The runner evaluates the inputs again for post, and a later step may have changed their
 * values, so post reads only the credentials from them.
 */
export interface Saved {
  me: Mark;
  request: Place & Pick<ImportRequest, 'skipClean' | 'forceDeleteSnapshots'>;
  /** Account ID; undefined if main could not find it out. */
  account: string | undefined;
  made: LedgerEntry[];
}

export const savePost = (saved: Saved): void => {
  saveState('left', JSON.stringify(saved));
};

/** What main saved; undefined if it created nothing. */
export const savedByMain = (): Saved | undefined => parsed(getState('left')) as Saved | undefined;

/** Whether this is the post step: the first call leaves a note in the state for the second one. */
export function isPostStep(): boolean {
  const isPost = getState('isPost') !== '';
  saveState('isPost', 'true');
  return isPost;
}
