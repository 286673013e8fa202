import { createHash } from 'node:crypto';
import { which } from '@actions/io';
import type { Plan } from './check.ts';
import { cleanUp } from './cleanup.ts';
import { CloudError, isDenied } from './cloud/errors.ts';
import { now } from './cloud/time.ts';
import type { Cloud } from './connect.ts';
import type { DiskImage } from './disk/disk.ts';
import { dataExtents } from './disk/extents.ts';
import { assertUnchanged } from './disk/inspect.ts';
import type { ImportRequest } from './inputs.ts';
import type { Stage } from './main.ts';
import { PREFIX } from './oss/bucket.ts';
import { unfinishedUploads, type ObjectState } from './oss/objects.ts';
import type { Source } from './oss/reader.ts';
import { fileSum } from './oss/sum.ts';
import { upload, type StagedObject, type Staging } from './oss/upload.ts';

/** Object keys of the disks, in their order: the user's, or those that only this run uses. */
export function stagingKeys({ key, image, run: { id } }: ImportRequest, disks: DiskImage[]): string[] {
  return disks.map(({ format }, n) => {
    const disk = `${n === 0 ? 'disk' : `disk-${n + 1}`}.${format.toLowerCase()}`;
    if (key === undefined) return `${PREFIX}${image.name}/${id}/${disk}`;
    return n === 0 ? key : `${key}-${disk}`;
  });
}

/** What an image is made of, as text for a tag: CRC-64 of all disks, and whether and how it is encrypted. */
export async function contentOf({ distribution }: ImportRequest, disks: DiskImage[]): Promise<string> {
  const sums: string[] = [];
  for (const disk of disks) sums.push(await fileSum(await sourceOf(disk)));
  if (distribution.encrypted) sums.push('encrypted', distribution.kmsKeyId ?? 'default');
  const text = sums.join('-');
  return text.length > 128 ? createHash('sha256').update(text).digest('hex') : text;
}

async function sourceOf(disk: DiskImage): Promise<Source> {
  const extents = await dataExtents(disk, (await which('python3')) || undefined);
  return { handle: disk.handle, size: disk.size, extents, assertUnchanged: () => assertUnchanged(disk) };
}

/** Uploads all disks, one after another: each uses the whole line. */
export async function stageDisks(stage: Stage, plan: Plan): Promise<void> {
  const { request, disks, keys, log, outcome } = stage;
  const started = now();
  for (const [n, disk] of disks.entries()) {
    const key = keys[n] ?? '';
    const title = `Upload ${disk.path} to oss://${request.bucket}/${key}`;
    const staged = await log.group(title, () => stageDisk(stage, disk, key, plan.staged[n]));
    outcome.staged.push(staged);
  }
  outcome.times.upload = now() - started;
}

async function stageDisk(
  stage: Stage,
  disk: DiskImage,
  key: string,
  lying: ObjectState | undefined,
): Promise<StagedObject> {
  const { request, cloud, ledger, log } = stage;
  const { run } = request;
  const source = await sourceOf(disk);
  ledger.record({ kind: 'object', key });
  if (lying?.size === disk.size && lying.crc64 === (await fileSum(source))) {
    log.info('An earlier attempt has uploaded it, byte for byte: nothing has to travel.');
    return { ...lying, crc64: lying.crc64, sent: 0, zeros: 0 };
  }
  const isPrivate = request.key === undefined;
  const others = isPrivate ? undefined : await uploadsUnder(cloud, key);
  ledger.record({ kind: 'upload', key, others });
  const staging: Staging = {
    key,
    run: run.mark,
    overwrite: lying !== undefined,
    joins: !isPrivate || run.attempt > 1,
    // Under a key of the user's an upload that is still young may be another run's, unless ours was told to stay.
    joinsAny: isPrivate || (run.attempt > 1 && request.skipClean),
    onUpload: (id) => {
      ledger.record({ kind: 'upload', key, id });
    },
    onZeros: () => {
      ledger.record({ kind: 'zeros', key });
    },
  };
  const staged = await upload(cloud.oss, source, staging).catch((error: unknown) => {
    // Somebody else's object, that of another job of this run perhaps, which carries the same mark.
    const isTaken = error instanceof CloudError && error.code === 'FileAlreadyExists';
    if (isTaken) ledger.keep((made) => made.kind !== 'object' || made.key !== key);
    throw error;
  });
  ledger.record({ kind: 'upload', key, completed: true });
  ledger.record({ kind: 'object', key, etag: staged.etag, versionId: staged.versionId });
  // The zero object has done its work, whatever becomes of the image.
  const zeros = ledger.made().filter((made) => made.kind === 'zeros');
  const { leftovers } = await cleanUp(zeros, cloud, request);
  if (leftovers.length === 0) ledger.forget(['zeros']);
  return staged;
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
