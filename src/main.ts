import { which } from '@actions/io';
import { check, clientToken, type Plan } from './check.ts';
import { cleanUp } from './cleanup.ts';
import { isDenied } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import type { DiskImage } from './disk/disk.ts';
import { dataExtents } from './disk/extents.ts';
import { assertUnchanged } from './disk/inspect.ts';
import { cancelImport } from './ecs/cancel.ts';
import type { Image } from './ecs/images.ts';
import { startImport, type Import } from './ecs/import.ts';
import { land, type Place } from './ecs/land.ts';
import { withImportRole } from './ecs/role.ts';
import { importTask } from './ecs/tasks.ts';
import { finish, undo } from './ending.ts';
import type { ImportRequest } from './inputs.ts';
import type { Ledger } from './ledger.ts';
import type { Output } from './log.ts';
import { makeBucket, PREFIX } from './oss/bucket.ts';
import { unfinishedUploads } from './oss/objects.ts';
import { upload, type StagedObject } from './oss/upload.ts';
import { setOutputs } from './outputs.ts';

/** What a run has come to, complete or not: everything that outputs and summary show. */
export interface Outcome {
  region: string;
  image?: Image | undefined;
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
    await prepare(stage, plan, key);
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

/** Takes over what an earlier attempt left, takes away what it left broken, and makes the bucket if it is missing. */
async function prepare({ request, cloud, ledger, log }: Stage, plan: Plan, key: string): Promise<void> {
  const { run } = request;
  if (run.attempt > 1) for (const kind of ['upload', 'zeros', 'object'] as const) ledger.record({ kind, key });
  for (const { id, name } of plan.broken) {
    await cancelImport(cloud.ecs, log, { name, id, run: run.mark }, now() + 60_000);
  }
  if (plan.makeBucket) await makeBucket(cloud.oss);
}

async function stageDisk({ request, disk, cloud, ledger, outcome }: Stage, plan: Plan, key: string): Promise<void> {
  const started = now();
  const { run } = request;
  const isPrivate = request.key === undefined;
  const others = isPrivate ? undefined : await uploadsUnder(cloud, key);
  ledger.record({ kind: 'upload', key, ...(others !== undefined && { others }) });
  ledger.record({ kind: 'object', key });
  const extents = await dataExtents(disk, (await which('python3')) || undefined);
  const source = { handle: disk.handle, size: disk.size, extents };
  const staged = await upload(cloud.oss, source, {
    key,
    run: run.mark,
    overwrite: plan.overwrite,
    joins: !isPrivate || run.attempt > 1,
    joinsAny: isPrivate,
    onUpload: (id) => {
      ledger.record({ kind: 'upload', key, id });
    },
    onZeros: () => {
      ledger.record({ kind: 'zeros', key });
    },
  });
  const { etag, versionId } = staged;
  ledger.record({ kind: 'object', key, etag, ...(versionId !== undefined && { versionId }) });
  await assertUnchanged(disk);
  outcome.staged = staged;
  outcome.times.upload = now() - started;
  // The zero object has done its work, whatever becomes of the image.
  const zeros = ledger.made().filter(({ kind }) => kind === 'zeros');
  const { leftovers } = await cleanUp(zeros, cloud, request);
  if (leftovers.length === 0) ledger.forget(['zeros']);
}

/** Ids of the uploads that are under a key of the user's before ours; undefined where the right to look is missing. */
async function uploadsUnder({ oss }: Cloud, key: string): Promise<string[] | undefined> {
  try {
    return (await unfinishedUploads(oss, key)).map(({ id }) => id);
  } catch (error) {
    if (!isDenied(error)) throw error;
    return undefined;
  }
}

/** Imports the staged object, or goes on with the import of an earlier attempt, until the image has its name. */
async function landImage(stage: Stage, plan: Plan, key: string): Promise<void> {
  const { request, cloud, ledger, log, outcome } = stage;
  const started = now();
  for (const { id } of plan.replaced) ledger.record({ kind: 'replaced', id });
  const beforeRole = () => {
    ledger.record({ kind: 'role' });
  };
  const make = (name: string): Promise<Import> => {
    if (plan.adopt !== undefined) return adopt(stage, plan.adopt);
    const start = () => importAs(stage, key, name);
    return request.importRole === undefined ? withImportRole(cloud.ram, log, beforeRole, start) : start();
  };
  await land(placeOf(stage, plan), make);
  outcome.times.import = now() - started;
  ledger.forget(['image', 'role']);
  setOutputs(outcome);
}

async function adopt({ cloud, ledger, log, outcome }: Stage, { id, name, status }: Image): Promise<Import> {
  log.info(`Going on with image ${id} (${status}), which an earlier attempt of this run has made.`);
  const taskId = await importTask(cloud.ecs, id).catch(() => undefined);
  ledger.record({ kind: 'image', region: outcome.region, name, id, ...(taskId !== undefined && { taskId }) });
  outcome.taskId = taskId;
  return { imageId: id, taskId };
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
    // arm64 boots by UEFI only; the default of ImportImage is BIOS whatever the architecture.
    bootMode: architecture === 'arm64' ? 'UEFI' : disk.bootMode,
    licenseType: osType === 'windows' ? 'Aliyun' : undefined,
    roleName: request.importRole,
    clientToken: clientToken(request, name),
    run: request.run.mark,
  });
  ledger.record({ kind: 'image', region, name, id: made.imageId, ...(made.taskId && { taskId: made.taskId }) });
  outcome.taskId = made.taskId;
  return made;
}

function placeOf({ request, cloud, log, outcome }: Stage, plan: Plan): Place {
  const { image, run, timeout, forceDelete } = request;
  return {
    ecs: cloud.ecs,
    log,
    region: request.region,
    name: image.name,
    runId: run.id,
    timeout,
    held: plan.old !== undefined,
    replaces: forceDelete,
    onAvailable: (available) => {
      outcome.image = available;
    },
    onReplaced: (id) => {
      outcome.replaced = id;
    },
  };
}
