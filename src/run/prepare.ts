import { CloudErrors } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import { cancelImport } from '../ecs/cancel.ts';
import { makeBucket } from '../oss/bucket.ts';
import type { Context } from './context.ts';
import { markText } from './ownership.ts';
import { nameTaken } from './plan-images.ts';
import type { Plan } from './preflight.ts';
import { entryOf } from './start.ts';

/** How long ECS may take to cancel an image of an earlier attempt, in ms. */
const PATIENCE = 60_000;

/**
 * Takes over what earlier attempts left, cancels their unfinished images, and creates the bucket if it does not exist.
 * @throws CloudError; CloudErrors if an image that was to be cancelled is finished and has the name
 */
export async function prepare(context: Context, plan: Plan): Promise<void> {
  const { clients, ledger, log, me, request } = context;
  for (const made of plan.left) ledger.record(made);
  for (const target of plan.targets) {
    const ecs = clients.ecsIn(target.region);
    for (const image of target.cancel) {
      const { id, name } = image;
      const entry = entryOf(context, target, image);
      ledger.record(entry);
      // Only the list of tasks tells whether it is a copy: the earlier attempt may have imported what this one copies.
      const finished = await cancelImport(ecs, log, { name, id, mark: markText(me) }, now() + PATIENCE);
      // A finished intermediate image is deleted by the clean-up.
      if (finished === undefined || !target.intermediate) ledger.forget(entry);
      if (finished?.name !== target.name || request.forceDelete) continue;
      throw new CloudErrors('Nothing was uploaded.', nameTaken({ ...target, holder: finished }));
    }
  }
  if (plan.makeBucket) await makeBucket(clients.oss);
}
