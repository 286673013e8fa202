import { now } from '../cloud/time.ts';
import { cancelImport } from '../ecs/cancel.ts';
import { importTask } from '../ecs/tasks.ts';
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
      // The earlier attempt may have imported the image that this one copies, or the other way round.
      const taskId = await importTask(ecs, id);
      const made = { name, id, taskId, copy: taskId === undefined, mark: markText(me) };
      await cancelImport(ecs, log, made, now() + PATIENCE);
    }
  }
  if (plan.makeBucket) await makeBucket(clients.oss);
}
