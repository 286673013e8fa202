import { unlink } from 'node:fs/promises';
import { which } from '@actions/io';
import { check, clientToken, type Plan } from './check.ts';
import { cleanUp } from './cleanup.ts';
import { CloudError, textOf } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import type { DiskImage } from './disk/disk.ts';
import { dataExtents } from './disk/extents.ts';
import { assertUnchanged } from './disk/inspect.ts';
import { cancelImport } from './ecs/cancel.ts';
import type { Image } from './ecs/images.ts';
import { startImport, type Import } from './ecs/import.ts';
import { land, settle, sweep, type Place } from './ecs/land.ts';
import { withImportRole } from './ecs/role.ts';
import type { ImportRequest } from './inputs.ts';
import type { Ledger, Made } from './ledger.ts';
import type { Output } from './log.ts';
import { makeBucket, PREFIX } from './oss/bucket.ts';
import { upload, type StagedObject } from './oss/upload.ts';
import { setOutputs } from './outputs.ts';

/** What a run has come to, complete or not: everything that outputs and summary show. */
export interface Outcome {
  region: string;
  image?: Image;
  taskId?: string | undefined;
  /** `oss://bucket/key` of the staged object. */
  object?: string;
  staged?: StagedObject;
  /** Id of the image that held the name before. */
  replaced?: string | undefined;
  /** What stays although it should not, one line each. */
  leftovers: string[];
  /** Durations in ms. */
  times: { upload?: number; import?: number };
}

/** What every step of a run works with. */
export interface Stage {
  request: ImportRequest;
  disk: DiskImage;
  cloud: Cloud;
  ledger: Ledger;
  log: Output;
  outcome: Outcome;
}

/**
 * One run, told in order. The outcome is filled as the run goes on, so that a failure loses nothing.
 * @throws CheckFailed, CloudError, DiskError
 */
export async function run(stage: Stage): Promise<void> {
  const { request, disk, cloud, log, outcome } = stage;
  const { bucket, region } = request;
  const key = stagingKey(request, disk);
  const plan = await log.group('Check', () => check(cloud, request, key));
  outcome.object = `oss://${bucket}/${key}`;
  try {
    await prepare(stage, plan);
    if (plan.adopt === undefined) {
      await log.group(`Upload ${disk.path} to ${outcome.object}`, () => stageDisk(stage, plan, key));
    }
    await log.group(`Import into ECS, ${region}`, () => landImage(stage, plan, key));
  } catch (error) {
    await log.group('Clean up', () => undo(stage, error));
    throw error;
  }
  await log.group('Clean up', () => finish(stage));
}

/** Object key of the staged disk: the user's, or one that only this run uses. */
function stagingKey({ key, image, run: { id } }: ImportRequest, { format }: DiskImage): string {
  return key ?? `${PREFIX}${image.name}/${id}/disk.${format.toLowerCase()}`;
}

/** Takes away what an earlier attempt left broken, and makes the bucket if it is missing. */
async function prepare({ request, cloud, log }: Stage, plan: Plan): Promise<void> {
  for (const { id, name } of plan.broken) {
    await cancelImport(cloud.ecs, log, { names: [name], id, run: request.run.mark }, now() + 60_000);
  }
  if (plan.makeBucket) await makeBucket(cloud.oss);
}

async function stageDisk({ request, disk, cloud, ledger, outcome }: Stage, plan: Plan, key: string): Promise<void> {
  const started = now();
  const { run } = request;
  ledger.record({ kind: 'upload', key });
  ledger.record({ kind: 'object', key });
  const isPrivate = request.key === undefined;
  const extents = await dataExtents(disk, (await which('python3')) || undefined);
  const source = { handle: disk.handle, size: disk.size, extents, assertUnchanged: () => assertUnchanged(disk) };
  const staged = await upload(cloud.oss, source, {
    key,
    run: run.mark,
    overwrite: plan.overwrite,
    joins: !isPrivate || run.attempt > 1,
    joinsAny: isPrivate || run.attempt > 1,
    onUpload: (id) => {
      ledger.record({ kind: 'upload', key, id });
    },
    onZeros: () => {
      ledger.record({ kind: 'zeros', key });
    },
  });
  ledger.forget(['upload']);
  const { etag, versionId } = staged;
  ledger.record({ kind: 'object', key, etag, ...(versionId !== undefined && { versionId }) });
  outcome.staged = staged;
  outcome.times.upload = now() - started;
  // The zero object has done its work, whatever becomes of the image.
  const zeros = ledger.made().filter(({ kind }) => kind === 'zeros');
  const { leftovers } = await cleanUp(zeros, cloud, request);
  if (leftovers.length === 0) ledger.forget(['zeros']);
}

/** Imports the staged object, or goes on with the import of an earlier attempt, until the image has its name. */
async function landImage(stage: Stage, plan: Plan, key: string): Promise<void> {
  const { cloud, ledger, log, outcome } = stage;
  const started = now();
  if (plan.adopt !== undefined) {
    const { id, name, status } = plan.adopt;
    log.info(`Going on with image ${id} (${status}), which an earlier attempt of this run has made.`);
    ledger.record({ kind: 'image', region: outcome.region, name, id });
    ledger.record({ kind: 'object', key });
  }
  const make = (name: string) =>
    withImportRole(
      cloud.ram,
      log,
      () => {
        ledger.record({ kind: 'role' });
      },
      () => importAs(stage, key, name),
    );
  await land(placeOf(stage), plan.old !== undefined, plan.adopt, make);
  outcome.times.import = now() - started;
  ledger.forget(['image', 'role']);
  setOutputs(outcome);
}

async function importAs({ request, disk, cloud, ledger, outcome }: Stage, key: string, name: string): Promise<Import> {
  const { osType, platform, architecture, description, systemSize } = request.image;
  const { region } = request;
  ledger.record({ kind: 'image', region, name });
  const made = await startImport(cloud.ecs, name, {
    bucket: request.bucket,
    key,
    format: disk.format,
    osType,
    platform,
    architecture,
    description,
    systemSize,
    bootMode: disk.bootMode,
    licenseType: osType === 'windows' ? 'Aliyun' : undefined,
    roleName: request.importRole,
    clientToken: clientToken(request, name),
    run: request.run.mark,
  });
  ledger.record({ kind: 'image', region, name, id: made.imageId, ...(made.taskId && { taskId: made.taskId }) });
  outcome.taskId = made.taskId;
  return made;
}

/** The place where the image lands; also what post settles the names of. */
export function placeOf({ request, cloud, log, outcome }: Omit<Stage, 'disk' | 'ledger'>): Place {
  const { image, run, region, timeout } = request;
  return {
    ecs: cloud.ecs,
    log,
    region,
    name: image.name,
    run: run.mark,
    runId: run.id,
    timeout,
    onAvailable: (available) => {
      outcome.image = available;
    },
  };
}

/** A run that failed: takes back what is not finished, settles names, keeps what the table of endings keeps. */
async function undo(stage: Stage, error: unknown): Promise<void> {
  const { ledger, log, outcome } = stage;
  const waiting = error instanceof CloudError && error.code === 'WaitTimedOut';
  if (waiting) ledger.forget(['image', 'upload', 'object', 'role']);
  if (outcome.image !== undefined) {
    await settle(placeOf(stage), outcome.image.id, 'old').catch((unsettled: unknown) => {
      log.info(`The names could not be settled: ${textOf(unsettled)}`);
    });
    ledger.forget(['image', 'role']);
  }
  await cleanStage(stage);
  setOutputs(outcome);
}

/** A run that succeeded: the replaced image and the staging copy go, and the file if it is not wanted any more. */
async function finish(stage: Stage): Promise<void> {
  const { request, disk, log, outcome } = stage;
  if (request.forceDelete && outcome.image !== undefined) {
    [outcome.replaced] = await sweep(placeOf(stage), outcome.image.id);
  }
  await cleanStage(stage);
  setOutputs(outcome);
  if (request.keepInput || outcome.leftovers.length > 0) return;
  await unlink(disk.path);
  log.info(`Deleted ${disk.path} (keep_input_artifact: false).`);
}

/** Undoes what the ledger holds; what fails stays in it, so that post tries again. */
async function cleanStage({ request, cloud, ledger, log, outcome }: Stage): Promise<void> {
  if (request.skipClean) ledger.forget(['upload', 'object']);
  const { leftovers } = await cleanUp(ledger.made(), cloud, request);
  const stays = new Set(leftovers.map(({ made }) => made));
  ledger.keep((made: Made) => stays.has(made));
  for (const { text } of leftovers) log.info(`${text}; the post step tries again.`);
  outcome.leftovers = leftovers.map(({ text }) => text);
}
