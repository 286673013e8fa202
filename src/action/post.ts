import { getIDToken } from '@actions/core';
import { now } from '../cloud/time.ts';
import { openClients } from '../run/clients.ts';
import type { UndoContext } from '../run/context.ts';
import { whoAmI } from '../run/preflight.ts';
import { undoneAfter } from '../run/undo/endings.ts';
import { byHand, undoAll } from '../run/undo/undo.ts';
import { readCaller } from './caller.ts';
import { Fields } from './fields.ts';
import type { Output } from './log.ts';
import { report } from './report.ts';
import { savedByMain, type Saved } from './state.ts';
import { removeUnpacked, savedFolder } from './unpacked.ts';

/** Removes what a failed or cancelled run left behind. What cannot be removed becomes a warning with a command for it. */
export async function post(log: Output): Promise<void> {
  await removeUnpacked(savedFolder(), log);
  const saved = savedByMain();
  const left = saved && undoneAfter('failure', saved.made, { skipClean: saved.request.skipClean, me: saved.me });
  if (saved === undefined || left === undefined || left.length === 0) {
    log.info('Nothing to clean up.');
    return;
  }
  const began = now();
  const clients = await openSaved(saved, log, began);
  if (typeof clients === 'string') {
    log.warning(`Nothing was cleaned up. ${clients}`);
    for (const made of left) log.warning(byHand(made, saved.request.bucket));
    return;
  }
  const { leftovers } = await undoAll({ ...saved, clients, log }, left, began);
  for (const { text } of leftovers) log.warning(text);
}

/** Longest time to find out the account, in ms. */
const WHO_AM_I = 30_000;

/** The clients, if the credentials are of main's account; otherwise the reason. */
async function openSaved(
  { me, request, account }: Saved,
  log: Output,
  began: number,
): Promise<UndoContext['clients'] | string> {
  const fields = new Fields();
  const { source, secrets } = await readCaller(fields);
  const { problems } = fields;
  secrets.forEach(log.hide);
  if (source === undefined || problems.length > 0) return problems.join(' ') || 'There are no credentials.';
  try {
    const clients = openClients(request, source, { env: process.env, idToken: getIDToken, log, hide: log.hide });
    // A service that does not answer must not use up the time of the step.
    clients.deadline.at = began + WHO_AM_I;
    // If main was denied this call, only credentials that are denied it too can be the same.
    const current = await whoAmI(clients.sts, log);
    if (current === account) return clients;
    return `The credentials belong to account ${current ?? 'unknown'}, but attempt ${me.attempt} of this step used ${account ?? 'one that it could not determine'}.`;
  } catch (error) {
    return report(error).problems.join(' ');
  }
}
