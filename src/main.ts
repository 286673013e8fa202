import { check, type Plan } from './check.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import type { DiskImage } from './disk/disk.ts';
import { cancelImport } from './ecs/cancel.ts';
import type { Image } from './ecs/images.ts';
import { finish, undo } from './ending.ts';
import type { ImportRequest } from './inputs.ts';
import { landAll } from './landing.ts';
import type { Ledger } from './ledger.ts';
import type { Output } from './log.ts';
import { makeBucket } from './oss/bucket.ts';
import type { StagedObject } from './oss/upload.ts';
import { rehearse } from './rehearse.ts';
import { contentOf, stageDisks, stagingKeys } from './staging.ts';

/** What a run has come to, complete or not: everything that outputs and summary show. */
export interface Outcome {
  /** Images that are Available, the one of the request's own region first. */
  images: (Image & { region: string })[];
  taskId?: string | undefined;
  /** `oss://bucket/key` of the staged system disk. */
  object?: string;
  staged: StagedObject[];
  /** Id of the image that held the name before. */
  replaced?: string | undefined;
  /** What stays although it should not, one line each. */
  leftovers: string[];
  /** What would happen, when nothing does; one line each. */
  rehearsal?: string[];
  /** Durations in ms. */
  times: { upload?: number; import?: number };
}

/** What every step of a run works with. */
export interface Stage {
  request: ImportRequest;
  /** The system disk first. */
  disks: DiskImage[];
  /** Object keys of the disks. */
  keys: string[];
  /** CRC-64 of the disks, where an identical image is to be reused. */
  content: string | undefined;
  cloud: Cloud;
  ledger: Ledger;
  log: Output;
  outcome: Outcome;
}

/**
 * One run, told in order. The outcome is filled as the run goes on, so that a failure loses nothing.
 * @throws CloudError, CloudErrors, DiskError
 */
export async function run(given: Omit<Stage, 'keys' | 'content'>): Promise<void> {
  const { request, disks, cloud, log, outcome } = given;
  const keys = stagingKeys(request, disks);
  const content = request.reuseIdentical ? await contentOf(request, disks) : undefined;
  const stage: Stage = { ...given, keys, content };
  const plan = await log.group('Check', () => check(cloud, request, keys, content));
  if (request.dryRun) return rehearse(stage, plan);
  outcome.object = `oss://${request.bucket}/${keys[0] ?? ''}`;
  try {
    await prepare(stage, plan);
    dropScratch(plan, given.ledger);
    if (needsUpload(plan)) await stageDisks(stage, plan);
    await landAll(stage, plan);
  } catch (error) {
    await log.group('Clean up', () => undo(stage, error));
    throw error;
  }
  await log.group('Clean up', () => finish(stage));
}

/** Takes over what an earlier attempt left, takes away what it left broken, and makes the bucket if it is missing. */
async function prepare({ request, keys, cloud, ledger, log }: Stage, plan: Plan): Promise<void> {
  const { run } = request;
  if (run.attempt > 1) {
    for (const key of keys) for (const kind of ['upload', 'zeros', 'object'] as const) ledger.record({ kind, key });
  }
  for (const { region, kind, broken } of plan.targets) {
    for (const { id, name } of broken) {
      const made = { name, id, copy: kind !== 'import', run: run.mark };
      await cancelImport(cloud.ecsIn(region), log, made, now() + 60_000);
    }
  }
  if (plan.makeBucket) await makeBucket(cloud.oss);
}

/** An encrypted image that is there needs no plain one: what an earlier attempt has left of that goes in the end. */
function dropScratch(plan: Plan, ledger: Ledger): void {
  const encrypted = plan.targets.find(({ kind }) => kind === 'encrypt');
  if (encrypted?.adopt === undefined) return;
  for (const { scratch, adopt, region, name } of plan.targets) {
    if (scratch && adopt)
      ledger.record({ kind: 'image', region, name: adopt.name, wants: name, id: adopt.id, scratch });
  }
  plan.targets = plan.targets.filter(({ scratch }) => !scratch);
}

/** Whether the image itself still has to be made from the file. */
const needsUpload = (plan: Plan): boolean =>
  plan.targets.every(({ kind, adopt }) => kind === 'copy' || adopt === undefined);
