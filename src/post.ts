import { cleanUp } from './cleanup.ts';
import type { Cloud } from './connect.ts';
import type { ImportRequest } from './inputs.ts';
import type { Made } from './ledger.ts';
import type { Output } from './log.ts';

/** Undoes what a failed or cancelled run left; a failed undo is a warning that says what to do by hand. */
export async function post(request: ImportRequest, cloud: Cloud, made: Made[], log: Output): Promise<void> {
  const left = request.skipClean ? made.filter(({ kind }) => kind !== 'upload' && kind !== 'object') : made;
  if (left.length === 0) {
    log.info('Nothing is left to clean up.');
    return;
  }
  const { leftovers } = await cleanUp(left, cloud, request, true);
  for (const { text } of leftovers) log.warning(text);
}
