import { clientToken, type Plan, type TargetPlan } from './check.ts';
import { CloudError, CloudErrors } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import { startCopy } from './ecs/copy.ts';
import { dressImage } from './ecs/dress.ts';
import { SUM_TAG, TAG, type Image } from './ecs/images.ts';
import { startImport, type Import, type ImportSpec } from './ecs/import.ts';
import { land, type Place } from './ecs/land.ts';
import { withImportRole } from './ecs/role.ts';
import { importTask } from './ecs/tasks.ts';
import type { Made } from './ledger.ts';
import type { Stage } from './main.ts';
import { setOutputs } from './outputs.ts';

/**
 * Makes all images, each from the one before it: the import, its encrypted copy, the copies for other regions.
 * @throws CloudError of the image itself, CloudErrors of copies and shares, after all others have been tried
 */
export async function landAll(stage: Stage, plan: Plan): Promise<void> {
  const { request, cloud, ledger, log, outcome } = stage;
  const started = now();
  const failures: CloudError[] = [];
  const { family, bootMode } = request.image;
  const dress = { family, uefiPreferred: bootMode === 'UEFI-Preferred', accounts: request.distribution.accounts };
  let from: Image | undefined;
  for (const target of plan.targets) {
    const { kind, region, scratch } = target;
    try {
      const image = await log.group(`${TITLES[kind]}, ${region}`, () => landOne(stage, target, from));
      if (kind !== 'copy') from = image;
      if (!scratch) await dressImage(cloud.ecsIn(region), image.id, dress);
    } catch (error) {
      const isMain = kind !== 'copy' && !outcome.images.some((image) => image.region === region && !scratch);
      if (isMain || !(error instanceof CloudError)) throw error;
      failures.push(error);
      // A copy that takes longer goes on; the next attempt of the run takes it up.
      if (error.code === 'WaitTimedOut') ledger.keep((made) => !isImage(made, target));
    }
    setOutputs(outcome);
  }
  outcome.times.import = now() - started;
  if (failures.length > 0) throw new CloudErrors(PARTLY, failures);
}

const PARTLY = 'Not everything was made; the outputs hold what was. A re-run of the job makes only what is missing.';
const TITLES = { import: 'Import into ECS', encrypt: 'Encrypt the image', copy: 'Copy the image' };

const isImage = (made: Made, { region, name }: TargetPlan): boolean =>
  made.kind === 'image' && made.region === region && made.wants === name;

async function landOne(stage: Stage, target: TargetPlan, from: Image | undefined): Promise<Image> {
  const { request, cloud, ledger, outcome } = stage;
  const { kind, region, name, scratch, adopt } = target;
  for (const { id } of target.replaced) ledger.record({ kind: 'replaced', region, name, id });
  const beforeRole = () => {
    ledger.record({ kind: 'role' });
  };
  const make = (as: string): Promise<Import> => {
    if (adopt !== undefined) return takeOver(stage, target, adopt);
    if (kind !== 'import') return copyAs(stage, target, from, as);
    const start = () => importAs(stage, target, as);
    return request.importRole === undefined ? withImportRole(cloud.ram, cloud.log, beforeRole, start) : start();
  };
  const image = await land(placeOf(stage, target), make).catch((error: unknown) => {
    // The image is finished, but has not got its name: what it was to replace stays.
    const isFinished = outcome.images.some((one) => one.region === region);
    if (isFinished) ledger.keep((made) => made.kind !== 'replaced' || made.region !== region || made.name !== name);
    throw error;
  });
  if (!scratch) ledger.keep((made) => !isImage(made, target));
  ledger.forget(['role']);
  return image;
}

async function takeOver(
  stage: Stage,
  { region, name: wants, kind, scratch }: TargetPlan,
  image: Image,
): Promise<Import> {
  const { cloud, ledger, log, outcome } = stage;
  const { id, name, status } = image;
  log.info(`Going on with image ${id} (${status}), which an earlier run has made.`);
  const isRunning = kind === 'import' && status !== 'Available';
  const taskId = isRunning ? await importTask(cloud.ecs, id).catch(() => undefined) : undefined;
  ledger.record({ kind: 'image', region, name, wants, id, taskId, scratch, copy: kind !== 'import' });
  if (kind === 'import') outcome.taskId = taskId;
  return { imageId: id, taskId };
}

async function importAs(stage: Stage, target: TargetPlan, name: string): Promise<Import> {
  const { cloud, ledger, outcome } = stage;
  const { region, name: wants, scratch } = target;
  const entry = { kind: 'image', region, name, wants, scratch } as const;
  ledger.record(entry);
  const made = await startImport(cloud.ecs, name, importSpec(stage, name));
  ledger.record({ ...entry, id: made.imageId, taskId: made.taskId });
  outcome.taskId = made.taskId;
  return made;
}

/** What ImportImage is told of the request and of what was found in the file. */
export function importSpec({ request, disks, keys, content }: Stage, name: string): ImportSpec {
  const { image, run, bucket, importRole, region } = request;
  const { osType, architecture, bootMode } = image;
  return {
    ...image,
    bucket,
    disks: disks.map(({ format }, n) => ({ key: keys[n] ?? '', format, size: n === 0 ? image.systemSize : undefined })),
    // arm64 boots by UEFI only, and ImportImage does not take UEFI-Preferred: that is set on the finished image.
    bootMode: bootMode === 'BIOS' ? bootMode : bootMode || architecture === 'arm64' ? 'UEFI' : disks[0]?.bootMode,
    licenseType: image.licenseType ?? (osType === 'windows' ? 'Aliyun' : undefined),
    roleName: importRole,
    tags: tagsOf({ request, content }),
    clientToken: clientToken(request, region, name),
    run: run.mark,
  };
}

async function copyAs(stage: Stage, target: TargetPlan, from: Image | undefined, name: string): Promise<Import> {
  const { request, cloud, ledger, content } = stage;
  const { region, name: wants, kmsKeyId } = target;
  const { image, run, distribution, timeout } = request;
  const entry = { kind: 'image', region, name, wants, copy: true } as const;
  ledger.record(entry);
  const spec = {
    imageId: from?.id ?? '',
    to: region,
    description: image.description,
    encrypted: distribution.encrypted,
    kmsKeyId,
    resourceGroupId: image.resourceGroup,
    tags: tagsOf({ request, content }),
    clientToken: clientToken(request, region, name),
    run: run.mark,
  };
  const made = await startCopy(cloud.ecs, cloud.ecsIn(region), name, spec, timeout);
  ledger.record({ ...entry, id: made.imageId });
  return made;
}

function tagsOf({ request, content }: Pick<Stage, 'request' | 'content'>): Record<string, string> {
  return { [TAG]: request.run.mark, ...(content !== undefined && { [SUM_TAG]: content }), ...request.image.tags };
}

function placeOf({ request, cloud, log, outcome }: Stage, { kind, region, name, scratch, old }: TargetPlan): Place {
  const { run, timeout, forceDelete } = request;
  return {
    ecs: cloud.ecsIn(region),
    log,
    region,
    name,
    runId: run.id,
    timeout,
    held: old !== undefined,
    replaces: forceDelete,
    onAvailable: (image) => {
      if (!scratch) outcome.images.push({ region, ...image });
      setOutputs(outcome);
    },
    onReplaced: (id) => {
      if (kind !== 'copy') outcome.replaced ??= id;
    },
  };
}
