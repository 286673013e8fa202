import { CloudError, hasCode, isDenied, textOf } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import { cancelImport } from './ecs/cancel.ts';
import type { Image } from './ecs/images.ts';
import { temporaryName } from './ecs/names.ts';
import { deleteReplaced, deleteScratch } from './ecs/replaced.ts';
import { completeImportRole } from './ecs/role.ts';
import { settle } from './ecs/settle.ts';
import type { ImportRequest, Run } from './inputs.ts';
import { howToUndo } from './leftover.ts';
import type { Made } from './ledger.ts';
import { lostUploads } from './oss/lost.ts';
import { abortUpload, removeObject, unfinishedUploads } from './oss/objects.ts';
import { zeroKeys } from './oss/zeros.ts';

/** Something that could not be undone, and the command that does it. */
export interface Leftover {
  made: Made;
  text: string;
}

export interface Undone {
  leftovers: Leftover[];
  /** Images that turned out to be finished: they stay. */
  kept: Image[];
}

/**
 * What is undone in which order: an object only when no import reads it any more, and first what no import reads. Beside
 * it the moment, in ms after the start, after which no new try of it starts when time is short.
 */
const ORDER: [kind: Made['kind'], end: number][] = [
  ['upload', 45_000],
  ['zeros', 45_000],
  ['image', 150_000],
  ['replaced', 150_000],
  ['object', 200_000],
  ['role', 200_000],
];

/**
 * Undoes what a run made. Idempotent; what fails is reported, never thrown.
 * @param hasty - keeps to a time-table of four minutes, after which the runner ends a post step
 */
export async function cleanUp(made: Made[], cloud: Cloud, request: ImportRequest, hasty = false): Promise<Undone> {
  const started = now();
  const undone: Undone = { leftovers: [], kept: [] };
  for (const [kind, end] of ORDER) {
    if (hasty) cloud.deadline.at = started + end;
    for (const one of made.filter((some) => some.kind === kind)) {
      if (isStillNeeded(one, made, undone)) continue;
      try {
        await undo(one, cloud, request, undone);
      } catch (error) {
        // Where the bucket is gone, all that lay in it is.
        if (hasCode(error, 'NoSuchBucket')) continue;
        const reason = error instanceof CloudError ? `${error.code}: ${error.message}` : textOf(error);
        undone.leftovers.push({ made: one, text: `${howToUndo(one, request, undone.kept)} (${reason})` });
      }
    }
  }
  return undone;
}

/** Nothing has taken the place of an image that was to be replaced. */
function isStillNeeded(made: Made, all: Made[], { kept }: Undone): boolean {
  if (made.kind !== 'replaced') return false;
  const { region, name } = made;
  const successor = all.find((one) => one.kind === 'image' && one.region === region && one.wants === name);
  return successor?.kind === 'image' && !kept.some((image) => image.name === name || image.name === successor.name);
}

async function undo(made: Made, cloud: Cloud, request: ImportRequest, undone: Undone): Promise<void> {
  const { oss, ram, log } = cloud;
  const { run } = request;
  switch (made.kind) {
    case 'upload':
      for (const id of await uploadsToAbort(made, cloud, request)) await abortUpload(oss, made.key, id);
      return;
    case 'zeros':
      for (const key of Object.values(zeroKeys(made.key, run.mark))) {
        for (const { id } of await unfinishedUploads(oss, key)) await abortUpload(oss, key, id);
        await removeObject(oss, { key, run: run.mark, private: true });
      }
      return;
    case 'image':
      return undoImage(made, cloud, run, undone);
    case 'replaced': {
      const { region } = made;
      return deleteReplaced(cloud.ecsIn(region), log, { ...made, snapshots: request.forceDeleteSnapshots });
    }
    case 'object': {
      const { key, etag, versionId } = made;
      const gone = await removeObject(oss, { key, etag, versionId, run: run.mark, private: request.key === undefined });
      if (!gone) log.info(`oss://${oss.bucket}/${key} is not what this run put there: it stays.`);
      return;
    }
    case 'role':
      await completeImportRole(ram, log);
  }
}

/** Cancels what is being made; what is finished stays and gets its name, unless it was needed only on the way. */
async function undoImage(made: Made & { kind: 'image' }, cloud: Cloud, run: Run, undone: Undone): Promise<void> {
  const { log, deadline } = cloud;
  const ecs = cloud.ecsIn(made.region);
  const patience = Math.min(now() + PATIENCE, deadline.at);
  const kept = await cancelImport(ecs, log, { ...made, run: run.mark }, patience);
  if (kept === undefined) return;
  if (made.scratch) return deleteScratch(ecs, log, kept);
  undone.kept.push(kept);
  log.info(`Image ${kept.id} is finished: it stays.`);
  if (kept.name !== temporaryName(made.wants, run.id)) return;
  await settle({ ecs, log, name: made.wants, runId: run.id, timeout: 0 }, kept.id, 'new');
}

/** How long a cancelled import may take to disappear, in ms. */
const PATIENCE = 150_000;

/**
 * Under a key that only this run uses, all uploads. Under a key of the user's the one that we know, and those that began
 * after us and that nobody goes on with: of these, one may be ours, whose id was lost with the answer.
 */
async function uploadsToAbort(
  { key, id, others, completed }: Made & { kind: 'upload' },
  { oss }: Cloud,
  request: ImportRequest,
): Promise<string[]> {
  const known = id === undefined || completed ? [] : [id];
  const isPrivate = request.key === undefined;
  if (!isPrivate && others === undefined) return known;
  try {
    const all = (await unfinishedUploads(oss, key)).map((upload) => upload.id);
    if (isPrivate) return all;
    const later = all.filter((one) => one !== id && !others?.includes(one));
    return [...known, ...(await lostUploads(oss, key, later))];
  } catch (error) {
    if (!isDenied(error) || (id === undefined && !completed)) throw error;
    return known;
  }
}
