import { unlink } from 'node:fs/promises';
import { CloudError, CloudErrors, hasCode, textOf } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import { givenName } from '../disk/disk.ts';
import { assertUnchanged } from '../disk/inspect.ts';
import { cancelImport } from '../ecs/cancel.ts';
import { isBeingMade, MARK_TAG, type Image } from '../ecs/images.ts';
import { makeBucket } from '../oss/bucket.ts';
import type { StagedObject } from '../oss/upload.ts';
import type { Context, RegionalImage } from './context.ts';
import { dryRun } from './dry-run.ts';
import { makeImage, type FinishedImage } from './image.ts';
import type { Made, MadeImage } from './ledger.ts';
import { markText } from './ownership.ts';
import { preflight, type Plan } from './preflight.ts';
import { stageDisks } from './staging.ts';
import type { Sources } from './start.ts';
import { undoneAfter, type Ending } from './undo/endings.ts';
import { undoAll } from './undo/undo.ts';

/** What a run has come to, complete or not: everything that outputs and summary show. */
export interface Outcome {
  /** Images that are Available, the one of the request's own region first. */
  images: RegionalImage[];
  taskId?: string | undefined;
  /** `oss://bucket/key` of the staged system disk. */
  object?: string;
  staged: StagedObject[];
  /** Id of the image that held the name before. */
  replaced?: string | undefined;
  /** What stays although it should not, one line each. */
  leftovers: string[];
  /** What would happen, when nothing does; one line each. */
  wouldDo?: string[];
  /** Durations in ms. */
  times: { upload?: number; import?: number };
  /** Why the run failed: a CloudError, CloudErrors or DiskError, or something unexpected. */
  failure?: unknown;
}

/**
 * One run, told in order. What fails after the preflight is part of the outcome, so that nothing is lost with it.
 * @throws CloudError, CloudErrors of the preflight: nothing has been made
 */
export async function run(context: Context): Promise<Outcome> {
  const { request, ledger, log } = context;
  const plan = await log
    .group('Check', () => preflight(context))
    .catch((error: unknown) => {
      context.clients.stop();
      throw error;
    });
  ledger.account = plan.account;
  if (plan.problems.length > 0) {
    if (!request.dryRun) await removeLeft(context, plan);
    throw new CloudErrors('Nothing was uploaded.', plan.problems);
  }
  if (request.dryRun) return { images: [], staged: [], leftovers: [], times: {}, wouldDo: dryRun(context, plan) };
  const times: Outcome['times'] = {};
  let staged: StagedObject[] = [];
  let finished: FinishedImage[] = [];
  let failure: unknown;
  const began = now();
  try {
    await prepare(context, plan);
    if (needsUpload(plan)) staged = await stageDisks(context, plan);
    if (staged.length > 0) times.upload = now() - began;
    ({ finished, failure } = await makeImages(context, plan, staged));
    times.import = now() - began - (times.upload ?? 0);
  } catch (error) {
    failure = error;
  }
  const taskId = finished[0]?.taskId ?? recordedTask(context);
  const { images, leftovers } = await log.group('Clean up', () => cleanUp(context, endingOf(failure)));
  const made = finished.map(({ image }) => image);
  const main = finished.find(({ image }) => image.region === request.region);
  const [object] = plan.objects;
  const key = staged[0]?.key ?? object?.found?.key ?? object?.key ?? '';
  const outcome = { taskId, staged, leftovers, times, failure, replaced: main?.replaced };
  if (failure === undefined && leftovers.length === 0 && !request.keepInput) await deleteInput(context);
  return { ...outcome, images: made.length > 0 ? made : images, object: `oss://${request.bucket}/${key}` };
}

/** What earlier attempts left unfinished is removed also where this one ends at once, unless a later one can resume it. */
async function removeLeft(context: Context, plan: Plan): Promise<void> {
  const { left, targets } = plan;
  const cancelled = targets.flatMap(({ region, kind, cancel }) =>
    cancel.map((image) => unneeded(image, region, kind, false)),
  );
  const all = [...left, ...intermediates(context, plan), ...cancelled];
  if (targets.some(({ adopt }) => adopt !== undefined && isBeingMade(adopt)) || all.length === 0) return;
  for (const made of all) context.ledger.record(made);
  await context.log.group('Clean up', () => cleanUp(context, 'failure'));
}

const intermediates = ({ request }: Context, plan: Plan): Made[] =>
  plan.intermediates.map((image) => unneeded(image, request.region, 'import', true));

/** An image of an earlier attempt as the clean-up removes it. One that is finished by then keeps its name. */
const unneeded = (
  { id, name, tags }: Image,
  region: string,
  made: MadeImage['made'],
  intermediate: boolean,
): MadeImage => ({ kind: 'image', region, name, wants: name, id, mark: tags[MARK_TAG] ?? '', made, intermediate });

/** Takes over what earlier attempts have left, removes what they left unfinished, and makes the bucket if it is missing. */
async function prepare(context: Context, plan: Plan): Promise<void> {
  const { clients, ledger, log, me } = context;
  for (const made of [...plan.left, ...intermediates(context, plan)]) ledger.record(made);
  for (const { region, cancel } of plan.targets) {
    for (const { id, name } of cancel) {
      // With other inputs, the earlier attempt may have made by an import what is a copy now.
      await cancelImport(clients.ecsIn(region), log, { name, id, mark: markText(me) }, now() + 60_000);
    }
  }
  if (plan.makeBucket) await makeBucket(clients.oss);
}

/** Whether the image itself still has to be made from the file. */
const needsUpload = ({ targets }: Plan): boolean =>
  targets.every(({ kind, adopt }) => kind === 'copy' || adopt === undefined);

const TITLES = { import: 'Import into ECS', encrypt: 'Encrypt the image', copy: 'Copy the image' };
const PARTLY = 'Not everything was made; the outputs hold what was. A re-run of the job makes only what is missing.';

/**
 * Makes all images, each from the one before it: the import, its encrypted copy, the copies for other regions.
 * @throws CloudError of the image itself; what else fails is returned after all others have been tried
 */
async function makeImages(context: Context, plan: Plan, staged: StagedObject[]) {
  const { log } = context;
  // An image that an earlier attempt is importing reads the object that was found.
  const found = plan.objects.flatMap(({ found: one }) => one ?? []);
  const isImporting = plan.targets.some(({ adopt }) => adopt !== undefined && isBeingMade(adopt));
  const from: Sources = { staged: isImporting ? found : staged, sums: plan.sums ?? staged.map(({ crc64 }) => crc64) };
  const finished: FinishedImage[] = [];
  const failures: CloudError[] = [];
  for (const target of plan.targets) {
    const { kind, region, intermediate } = target;
    try {
      const made = await log.group(`${TITLES[kind]}, ${region}`, () => makeImage(context, target, from));
      if (kind !== 'copy') from.imageId = made.image.id;
      if (!intermediate) finished.push(made);
      if (made.failure !== undefined) failures.push(made.failure);
    } catch (error) {
      if (kind !== 'copy' || !(error instanceof CloudError)) throw error;
      failures.push(error);
    }
  }
  return { finished, failure: failures.length > 0 ? new CloudErrors(PARTLY, failures) : undefined };
}

const endingOf = (failure: unknown): Ending =>
  failure === undefined ? 'success' : hasCode(failure, 'WaitTimedOut') ? 'timeout' : 'failure';

/** The task of an import whose image has not become Available. */
const recordedTask = ({ ledger }: Context): string | undefined =>
  ledger.made().flatMap((made) => (made.kind === 'image' && made.taskId !== undefined ? [made.taskId] : []))[0];

/** Undoes what the ending calls for; what fails stays recorded, so that the post step tries again. */
async function cleanUp(context: Context, ending: Ending) {
  const { ledger, log, me, request } = context;
  const all = ledger.made();
  const { leftovers, finished } = await undoAll(
    context,
    undoneAfter(ending, all, { skipClean: request.skipClean, me }),
  );
  const stays = new Set(leftovers.map(({ made }) => made));
  ledger.forget(...all.filter((made) => !stays.has(made)));
  for (const { text } of leftovers) log.info(`${text}; the post step tries again.`);
  return { images: finished, leftovers: leftovers.map(({ text }) => text) };
}

async function deleteInput({ disks, log }: Context): Promise<void> {
  for (const disk of disks) {
    const path = givenName(disk);
    try {
      // The image is made of the bytes that were read; another file under this name is not ours to delete.
      await assertUnchanged(disk.container ?? disk);
      await unlink(path);
      log.info(`Deleted ${path} (keep_input_artifact: false).`);
    } catch (error) {
      log.warning(`${path} stays (${textOf(error)}). Remove it: rm '${path}'`);
    }
  }
}
