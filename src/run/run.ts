import { CloudErrors } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import type { StagedObject } from '../oss/upload.ts';
import { cleanUp, cleanUpAfterRefusal, deleteInput, endingOf } from './clean-up.ts';
import type { Context, RegionalImage } from './context.ts';
import { dryRun } from './dry-run.ts';
import type { FinishedImage } from './image.ts';
import { makeImages } from './images.ts';
import { preflight } from './preflight.ts';
import { prepare } from './prepare.ts';
import { stageDisks } from './staging.ts';

/** The result of a run, complete or not: everything that outputs and summary show. */
export interface Outcome {
  /** Available images, the one in the requested region first. */
  images: RegionalImage[];
  taskId?: string | undefined;
  /** `oss://bucket/key` of the staged system disk. */
  object?: string;
  staged: StagedObject[];
  /** Id of the image that held the name before. */
  replaced?: string | undefined;
  /** What could not be removed, one line each. */
  leftovers: string[];
  /** What a dry run would have done, one line each. */
  wouldDo?: string[];
  /** What a dry run did not check. */
  notChecked?: string;
  /** How long it took to make the images, in ms. */
  importMs?: number | undefined;
  /** Why the run failed: a CloudError, CloudErrors or DiskError, or something unexpected. */
  failure?: unknown;
}

/**
 * One run: check, prepare, upload, make images, clean up. A failure after the check is part of the outcome, together with
 * what was made before it.
 * @throws CloudError, CloudErrors of the check: nothing has been made
 */
export async function run(context: Context): Promise<Outcome> {
  const { request, ledger, log } = context;
  const plan = await log
    .group('Check', () => preflight(context))
    .catch((error: unknown) => {
      context.clients.stop();
      throw error;
    });
  if (request.dryRun && plan.problems.length === 0)
    return { images: [], staged: [], leftovers: [], ...dryRun(context, plan) };
  ledger.account = plan.account;
  if (plan.problems.length > 0) {
    if (!request.dryRun) await cleanUpAfterRefusal(context, plan);
    throw new CloudErrors('Nothing was uploaded.', plan.problems);
  }

  let finished: FinishedImage[] = [];
  let staged: StagedObject[] = [];
  let importMs: number | undefined;
  let failure: unknown;
  try {
    await prepare(context, plan);
    staged = await stageDisks(context, plan);
    const began = now();
    ({ finished, failure } = await makeImages(context, plan, staged));
    importMs = now() - began;
  } catch (error) {
    failure = error;
  }

  const [taskId] = [...finished, ...ledger.made().filter((made) => made.kind === 'image')].flatMap(
    (one) => one.taskId ?? [],
  );
  const { images, leftovers } = await log.group('Clean up', () => cleanUp(context, endingOf(failure)));
  if (failure === undefined && !request.keepInput) {
    if (leftovers.length === 0) await deleteInput(context);
    else log.info('The disk image was kept (keep_input_artifact: false), because not everything could be cleaned up.');
  }
  const [object] = plan.objects;
  const key = staged[0]?.key ?? object?.found?.key ?? object?.key ?? '';
  return {
    images: [...finished.map(({ image }) => image), ...images],
    taskId,
    object: `oss://${request.bucket}/${key}`,
    staged,
    replaced: finished.find(({ image }) => image.region === request.region)?.replaced,
    leftovers,
    importMs,
    failure,
  };
}
