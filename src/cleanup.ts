import { CloudError, textOf } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import { cancelImport } from './ecs/cancel.ts';
import type { Image } from './ecs/images.ts';
import { completeImportRole } from './ecs/role.ts';
import type { ImportRequest } from './inputs.ts';
import type { Made } from './ledger.ts';
import { zeroKeys } from './oss/zeros.ts';
import { abortUpload, removeObject, unfinishedUploads } from './oss/objects.ts';

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

/** How long a cancelled import may take to disappear, in ms. */
const CANCEL_TIME = 150_000;

/**
 * Undoes what a run made: first the imports, which read the objects, then uploads and objects. Idempotent; what fails is
 * reported, never thrown.
 */
export async function cleanUp(made: Made[], cloud: Cloud, request: ImportRequest): Promise<Undone> {
  const order = ['image', 'upload', 'zeros', 'object', 'role'];
  const undone: Undone = { leftovers: [], kept: [] };
  for (const one of [...made].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
    try {
      const kept = await undo(one, cloud, request);
      if (kept !== undefined) undone.kept.push(kept);
    } catch (error) {
      const reason = error instanceof CloudError ? `${error.code}: ${error.message}` : textOf(error);
      undone.leftovers.push({ made: one, text: `${leftover(one, request)} (${reason})` });
    }
  }
  return undone;
}

async function undo(made: Made, cloud: Cloud, request: ImportRequest): Promise<Image | undefined> {
  const { ecs, oss, ram, log } = cloud;
  const { run } = request;
  if (made.kind === 'image') {
    const { name, id, taskId } = made;
    return cancelImport(ecs, log, { names: [name], id, taskId, run: run.mark }, now() + CANCEL_TIME);
  }
  if (made.kind === 'upload') {
    for (const id of await uploadsToAbort(made, cloud, request)) await abortUpload(oss, made.key, id);
  } else if (made.kind === 'zeros') {
    for (const key of Object.values(zeroKeys(made.key, run.mark))) {
      for (const { id } of await unfinishedUploads(oss, key)) await abortUpload(oss, key, id);
      await removeObject(oss, { key, run: run.mark, private: true });
    }
  } else if (made.kind === 'object') {
    const { key, etag, versionId } = made;
    const gone = await removeObject(oss, { key, etag, versionId, run: run.mark, private: request.key === undefined });
    if (!gone) log.info(`oss://${oss.bucket}/${key} is not what this run put there: it stays.`);
  } else {
    await completeImportRole(ram, log);
  }
  return undefined;
}

/** The upload that we know; under a key that only this run uses, all of them. */
async function uploadsToAbort(
  made: Made & { kind: 'upload' },
  { oss }: Cloud,
  request: ImportRequest,
): Promise<string[]> {
  const isPrivate = request.key === undefined;
  if (!isPrivate) return made.id === undefined ? [] : [made.id];
  try {
    return (await unfinishedUploads(oss, made.key)).map(({ id }) => id);
  } catch (error) {
    if (made.id !== undefined) return [made.id];
    throw error;
  }
}

function leftover(made: Made, { bucket, region, run }: ImportRequest): string {
  switch (made.kind) {
    case 'upload':
      return `The unfinished upload of ${made.key} stays. Remove it: ossutil rm oss://${bucket}/${made.key} -m`;
    case 'zeros':
      return `The zero object of ${made.key} may stay. Remove it: ossutil rm oss://${bucket}/${zeroKeys(made.key, run.mark).object}`;
    case 'object':
      return `The staged object stays. Remove it: ossutil rm oss://${bucket}/${made.key}`;
    case 'image':
      return `Image ${made.id ?? made.name} stays. Remove it: aliyun ecs DeleteImage --RegionId ${region} --ImageId ${made.id ?? '<id>'}`;
    case 'role':
      return 'The import role may lack its policy. Attach it: aliyun ram AttachPolicyToRole --PolicyType System --PolicyName AliyunECSImageImportRolePolicy --RoleName AliyunECSImageImportDefaultRole';
  }
}
