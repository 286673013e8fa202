import { createHash } from 'node:crypto';
import { hasCode, isDenied } from '../cloud/errors.ts';
import { startCopy } from '../ecs/copy.ts';
import { CONTENT_TAG, MARK_TAG, NAME_TAKEN, RUN_TAG, tagParams } from '../ecs/images.ts';
import { startImport, type ImportSpec, type Started } from '../ecs/import.ts';
import { temporaryName } from '../ecs/names.ts';
import { fillRoleGap, findRoleGap, onceRolePropagates, ROLE_INCOMPLETE } from '../ecs/role.ts';
import type { StagedObject } from '../oss/upload.ts';
import { bootModeOf, contentOf, licenseOf } from './content.ts';
import type { Context } from './context.ts';
import type { MadeImage } from './ledger.ts';
import { markText } from './ownership.ts';
import type { TargetPlan } from './plan-images.ts';

/** What the images of a run are made from. */
export interface Sources {
  staged: Pick<StagedObject, 'key' | 'etag' | 'versionId'>[];
  /** CRC-64 of each disk. */
  sums: string[];
  /** The image to copy: the last one made in the requested region. */
  imageId?: string;
}

/** The ledger entry of an image. */
export function entryFor({ me }: Context, target: TargetPlan, name: string, mark = markText(me)): MadeImage {
  const { region, name: wants, kind, intermediate } = target;
  return { kind: 'image', region, name, wants, made: kind, intermediate, mark };
}

/** Starts the image under its final name, or under a temporary one when another image holds the name and will be replaced. */
export async function start(context: Context, target: TargetPlan, from: Sources): Promise<Started> {
  const { request, ledger, log, me } = context;
  const { name, holder } = target;
  const temporary = temporaryName(name, markText(me));
  try {
    return await startAs(context, target, from, holder === undefined ? name : temporary);
  } catch (error) {
    if (holder !== undefined || !request.forceDelete || !hasCode(error, NAME_TAKEN)) throw error;
    log.info(`Another image took the name ${name} in the meantime; it will be replaced.`);
    ledger.forget(entryFor(context, target, name));
    return startAs(context, target, from, temporary);
  }
}

async function startAs(context: Context, target: TargetPlan, from: Sources, name: string): Promise<Started> {
  const { ledger, log } = context;
  const entry = entryFor(context, target, name);
  ledger.record(entry);
  const started =
    target.kind === 'import'
      ? await startWithRole(context, importSpec(context, target, from, name))
      : await copyTo(context, target, from, name);
  const { imageId, taskId } = started;
  ledger.record({ ...entry, id: imageId, taskId });
  log.info(`Started: image ${imageId}${taskId === undefined ? '' : `, import task ${taskId}`}.`);
  return started;
}

/** Starts the import. If the default role that ECS uses to read the bucket is missing or incomplete, sets it up first. */
async function startWithRole({ request, clients, ledger, log }: Context, spec: ImportSpec): Promise<Started> {
  const { ecs, ram } = clients;
  try {
    return await startImport(ecs, spec);
  } catch (refusal) {
    if (request.importRole !== undefined || !hasCode(refusal, ROLE_INCOMPLETE)) throw refusal;
    try {
      const gap = await findRoleGap(ram, refusal);
      if (gap !== undefined) {
        ledger.record({ kind: 'role' });
        await fillRoleGap(ram, log, gap);
        ledger.forget({ kind: 'role' });
      }
    } catch (error) {
      if (!isDenied(error)) throw error;
      ledger.forget({ kind: 'role' });
      log.info(`The import role could not be set up: ${error.operation} is denied.`);
      throw refusal;
    }
    return onceRolePropagates(log, () => startImport(ecs, spec));
  }
}

/** The parameters of ImportImage, from the request and the inspected disks. */
export function importSpec(context: Context, target: TargetPlan, from: Sources, name: string): ImportSpec {
  const { request, disks } = context;
  const { image, bucket, importRole } = request;
  return {
    ...image,
    name,
    bucket,
    disks: disks.map(({ format }, n) => ({
      key: from.staged[n]?.key ?? '',
      format,
      size: n === 0 ? image.systemSize : undefined,
    })),
    bootMode: bootModeOf(request, disks),
    licenseType: licenseOf(request),
    roleName: importRole,
    tags: tagsOf(context, target, from.sums),
    clientToken: clientToken(context, target.region, name),
  };
}

function copyTo(context: Context, target: TargetPlan, from: Sources, name: string): Promise<Started> {
  const { request, clients } = context;
  const { region, kmsKeyId, encrypted } = target;
  const tags = tagsOf(context, target, from.sums);
  const params = {
    ImageId: from.imageId,
    DestinationRegionId: region,
    DestinationImageName: name,
    DestinationDescription: request.image.description,
    Encrypted: encrypted || undefined,
    KMSKeyId: kmsKeyId,
    ResourceGroupId: request.image.resourceGroup,
    ...tagParams(tags),
    ClientToken: clientToken(context, region, name),
  };
  return startCopy(clients.ecs, clients.ecsIn(region), { name, tags, params, patience: request.timeout });
}

function tagsOf({ request, disks, me }: Context, target: TargetPlan, sums: string[]): Record<string, string> {
  const { repository, runId } = request.workflow;
  return {
    [MARK_TAG]: markText(me),
    [CONTENT_TAG]: contentOf(request, disks, sums, target),
    [RUN_TAG]: `${repository}/${runId}`.slice(-128),
    ...request.image.tags,
  };
}

/** The same in every try of one import or copy; different in every execution. */
const clientToken = ({ me }: Context, region: string, name: string): string =>
  createHash('sha256')
    .update(JSON.stringify([markText(me), region, name]))
    .digest('hex');
