import { unlink } from 'node:fs/promises';
import { cleanUp } from './cleanup.ts';
import { hasCode, textOf } from './cloud/errors.ts';
import type { Stage } from './main.ts';
import { setOutputs } from './outputs.ts';

/** A run that failed: takes back what is not finished, keeps what the table of endings keeps. */
export async function undo(stage: Stage, error: unknown): Promise<void> {
  const { request, ledger, outcome } = stage;
  // The import goes on and is reading the objects.
  if (hasCode(error, 'WaitTimedOut')) ledger.forget(['image', 'object', 'role']);
  const isFinished = (id?: string) => outcome.images.some((image) => image.id === id);
  ledger.keep((made) => made.kind !== 'image' || made.scratch === true || !isFinished(made.id));
  if (request.skipClean) ledger.forget(['upload', 'object']);
  await cleanStage(stage);
  setOutputs(outcome);
}

/** A run that succeeded: the replaced image and the staging copy go, and the file if it is not wanted any more. */
export async function finish(stage: Stage): Promise<void> {
  const { request, disks, ledger, log, outcome } = stage;
  if (request.skipClean) ledger.forget(['object']);
  await cleanStage(stage);
  if (request.keepInput || outcome.leftovers.length > 0) return;
  for (const { path } of disks) {
    try {
      await unlink(path);
      log.info(`Deleted ${path} (keep_input_artifact: false).`);
    } catch (error) {
      log.warning(`${path} stays (${textOf(error)}). Remove it: rm '${path}'`);
    }
  }
}

/** Undoes what the ledger holds; what fails stays in it, so that post tries again. */
async function cleanStage({ request, cloud, ledger, log, outcome }: Stage): Promise<void> {
  const { leftovers, kept } = await cleanUp(ledger.made(), cloud, request);
  if (outcome.images.length === 0) outcome.images.push(...kept.map((image) => ({ ...image, region: request.region })));
  const stays = new Set(leftovers.map(({ made }) => made));
  ledger.keep((made) => stays.has(made));
  for (const { text } of leftovers) log.info(`${text}; the post step tries again.`);
  outcome.leftovers = leftovers.map(({ text }) => text);
}
