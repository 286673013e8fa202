import { CloudError, hasCode, isDenied } from '../cloud/errors.ts';
import { headObject, listKeys, listUploads, type ObjectState, type Unfinished } from '../oss/objects.ts';
import type { Context } from './context.ts';
import { earlierFile, ownerFolder, stagingKeys, type StagingKeys } from './keys.ts';
import type { LedgerEntry } from './ledger.ts';
import { isOurs } from './ownership.ts';
import { abortCommand } from './undo/upload.ts';

/** Where a disk will be uploaded to, and what an earlier attempt uploaded of it. */
export interface ObjectPlan extends StagingKeys {
  /** A complete object; its content is compared later. */
  found?: FoundObject;
  /** An unfinished upload to resume. */
  upload?: Unfinished | undefined;
}

export type FoundObject = ObjectState & { key: string };

/** Looks for objects under the keys of the disks, and for what earlier attempts left. Reads only. @throws CloudError */
export async function planObjects(context: Context, reachable: boolean) {
  const { request, disks, me } = context;
  const plans: ObjectPlan[] = stagingKeys(request, disks, me);
  const problems: CloudError[] = [];
  const left: LedgerEntry[] = [];
  if (reachable) {
    for (const plan of plans) {
      // A derived key holds nothing yet, but the request shows whether OSS accepts data at this endpoint at all.
      const found = await objectUnder(context, plan.key);
      if (found instanceof CloudError) problems.push(found);
      else if (found !== undefined) {
        plan.found = { ...found, key: plan.key };
        left.push({ kind: 'object', key: plan.key, etag: found.etag, versionId: found.versionId });
      }
    }
    if (me.attempt > 1 && problems.length === 0) left.push(...(await earlierAttempts(context, plans)));
  }
  return { objects: plans, left, problems };
}

async function objectUnder(
  { clients: { oss }, log, me }: Context,
  key: string,
): Promise<ObjectState | CloudError | undefined> {
  const found = await headObject(oss, key).catch((error: unknown) => {
    if (hasCode(error, 'PublicEndpointForbidden')) return error;
    throw error;
  });
  if (found instanceof CloudError) return found;
  if (found === 'unknown') log.info('Not checked: whether the key already holds an object (oss:GetObject is denied).');
  if (found === undefined || found === 'unknown') return undefined;
  if (isOurs(found.mark, me)) return found;
  return new CloudError('oss:HeadObject', 'ForeignObject', `oss://${oss.bucket}/${key} exists already`);
}

/** Finds what earlier attempts left, by the prefix of their keys, and adds to the plans what can be resumed. */
async function earlierAttempts(context: Context, plans: ObjectPlan[]): Promise<LedgerEntry[]> {
  const { request, clients, me, log } = context;
  const { oss } = clients;
  const prefix = ownerFolder(request, me);
  const uploads = await listedUploads(context, prefix);
  const keys = await listKeys(oss, prefix);
  const spare: LedgerEntry[] = [];
  if (keys === undefined) log.info('Not checked: objects that earlier attempts left (oss:ListObjects is denied).');
  if (request.key === undefined) {
    for (const plan of plans) {
      const isOfDisk = (key: string) => earlierFile(key, request, me) === plan.name;
      plan.upload = uploads.findLast(({ key }) => isOfDisk(key));
      const key = keys?.findLast(isOfDisk);
      const found = key === undefined ? undefined : await headObject(oss, key);
      if (key !== undefined && typeof found === 'object' && isOurs(found.mark, me)) plan.found = { ...found, key };
    }
  } else {
    for (const { key } of plans) await warnOfUploads(context, key);
    // Disks that the earlier attempt had and this one has not.
    for (const key of (await listKeys(oss, `${request.key}-disk-`)) ?? []) {
      const found = plans.some((plan) => plan.key === key) ? undefined : await headObject(oss, key);
      if (typeof found === 'object' && isOurs(found.mark, me)) spare.push({ kind: 'object', key });
    }
  }
  const isEarlier = (key: string) => earlierFile(key, request, me) !== undefined;
  return [
    ...spare,
    ...uploads.filter(({ key }) => isEarlier(key)).map(({ key, id }) => entryUnder(key, { kind: 'upload', key, id })),
    ...(keys ?? []).filter(isEarlier).map((key) => entryUnder(key, { kind: 'object', key })),
  ];
}

/** The ledger entry for a key; a zero object and its seed are one entry. */
function entryUnder(key: string, otherwise: LedgerEntry): LedgerEntry {
  const [, prefix] = /^(.*)\.(zeros|seed)$/.exec(key) ?? [];
  return prefix === undefined ? otherwise : { kind: 'zeros', key: prefix };
}

async function listedUploads({ clients }: Context, prefix: string): Promise<Unfinished[]> {
  try {
    return await listUploads(clients.oss, prefix);
  } catch (error) {
    if (!isDenied(error)) throw error;
    return [];
  }
}

/** Under a key that the user chose, an upload may belong to a killed attempt or to another run that is still working on it. */
async function warnOfUploads(context: Context, key: string): Promise<void> {
  const { log, request } = context;
  for (const upload of await listedUploads(context, key)) {
    if (upload.key !== key) continue;
    const what = `An unfinished upload of oss://${request.bucket}/${key} exists and is billed`;
    log.warning(`${what}. If no other run is working on it, abort it: ${abortCommand(request.bucket, upload)}`);
  }
}
