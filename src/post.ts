import { cleanUp } from './cleanup.ts';
import { textOf } from './cloud/errors.ts';
import type { Cloud } from './connect.ts';
import { temporaryName } from './ecs/names.ts';
import { settle } from './ecs/land.ts';
import type { ImportRequest } from './inputs.ts';
import type { Made } from './ledger.ts';
import type { Output } from './log.ts';
import { placeOf } from './main.ts';

/** Undoes what a failed or cancelled run left; a failed undo is a warning that says what to do by hand. */
export async function post(request: ImportRequest, cloud: Cloud, made: Made[], log: Output): Promise<void> {
  const kinds = request.skipClean ? made.filter(({ kind }) => kind !== 'upload' && kind !== 'object') : made;
  if (kinds.length === 0) {
    log.info('Nothing is left to clean up.');
    return;
  }
  const { kept, leftovers } = await cleanUp(kinds, cloud, request);
  for (const image of kept) {
    log.info(`Image ${image.id} was finished: it stays.`);
    if (image.name !== temporaryName(request.image.name, request.run.id)) continue;
    const place = placeOf({ request, cloud, log, outcome: { region: request.region, leftovers: [], times: {} } });
    await settle(place, image.id, 'new').catch((error: unknown) => {
      log.warning(`Image ${image.id} is finished, but has not got its name: ${textOf(error)}`);
    });
  }
  for (const { text } of leftovers) log.warning(text);
}
