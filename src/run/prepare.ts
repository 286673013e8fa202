import { now } from '../cloud/time.ts';
import { cancelImport } from '../ecs/cancel.ts';
import { makeBucket } from '../oss/bucket.ts';
import type { Context } from './context.ts';
import { markText } from './ownership.ts';
import type { Plan } from './preflight.ts';

/** How long ECS may take to cancel an image of an earlier attempt, in ms. */
const PATIENCE = 60_000;

/** Takes over what earlier attempts left, cancels their unfinished images, and creates the bucket if it does not exist. */
export async function prepare({ clients, ledger, log, me }: Context, plan: Plan): Promise<void> {
  for (const made of plan.left) ledger.record(made);
  for (const { region, cancel } of plan.targets) {
    const ecs = clients.ecsIn(region);
    for (const { id, name } of cancel) {
      // Only the list of tasks tells whether it is a copy: the earlier attempt may have imported what this one copies.
      await cancelImport(ecs, log, { name, id, mark: markText(me) }, now() + PATIENCE);
    }
  }
  if (plan.makeBucket) await makeBucket(clients.oss);
}
