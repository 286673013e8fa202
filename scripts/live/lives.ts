/** Questions that need an image from the call to its end. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { listAt, textAt } from '../../src/cloud/json.ts';
import { now, poll } from '../../src/cloud/time.ts';
import { imageById, isBeingMade, MARK_TAG } from '../../src/ecs/images.ts';
import type { Started } from '../../src/ecs/import.ts';
import { statusOf } from '../../src/ecs/tasks.ts';
import { waitForImage } from '../../src/ecs/wait.ts';
import type { Oss } from '../../src/oss/client.ts';
import { initiate } from '../../src/oss/objects.ts';
import type { Ask, Live } from './account.ts';
import { asked, begin, dryRun, emptyQcow2, headOfDisk, passed, put, refusal, said } from './imports.ts';

const MINUTE = 60_000;
const GIB = 1024 ** 3;
const seconds = (since: number): string => `${((now() - since) / 1000).toFixed(1)} s`;

export const askSmallSize: Ask = async (live) => {
  const { cloud, log } = live;
  const { ecs, oss } = cloud;
  await put(oss, 'small.qcow2', emptyQcow2(2 * GIB));
  const params = asked(live, 'small', { key: 'small.qcow2', format: 'QCOW2', size: 1 });
  const atCall = await begin(ecs, params).catch((error: unknown) => said(error));
  if (typeof atCall === 'string') return `at the call: ${atCall}`;
  const inTask = await refusal(waitForImage({ ecs, log, timeout: 15 * MINUTE }, atCall));
  return inTask === undefined ? 'neither: the image becomes Available' : `in the task: ${said(inTask)}`;
};

/** Imports an object that was completed a moment ago, looks at the image while it is Creating, and cancels the task. */
export const askImportUnderWay: Ask = async (live, answer) => {
  const { cloud } = live;
  const { oss, ecs } = cloud;
  const bytes = await headOfDisk();
  let found = 0;
  for (let n = 1; n <= 5; n += 1) {
    await putInParts(oss, `fresh-${n}.raw`, bytes);
    if (passed(await dryRun(ecs, asked(live, 'fresh', { key: `fresh-${n}.raw` })))) found += 1;
  }
  await putInParts(oss, 'fresh.raw', bytes);
  const completed = now();
  const made = await begin(ecs, asked(live, 'fresh', { key: 'fresh.raw', tags: { [MARK_TAG]: live.run } }));
  answer(8, `an import is taken ${seconds(completed)} after Complete; so are ${found} of 5 dry runs`);
  answer(10, await lookAt(made.imageId, live).catch(said));
  return cancel(made, live);
};

async function putInParts(oss: Oss, key: string, bytes: Buffer): Promise<void> {
  const id = await initiate(oss, key, {});
  const { etag } = await oss.call('oss:UploadPart', (sdk) =>
    sdk.uploadPart(key, id, 1, Readable.from([bytes]), 0, bytes.length),
  );
  await oss.call('oss:CompleteMultipartUpload', (sdk) =>
    sdk.completeMultipartUpload(key, id, [{ number: 1, etag }], { headers: {} }),
  );
}

async function lookAt(imageId: string, { cloud }: Live): Promise<string> {
  const started = now();
  const image = await poll({ first: 500, slowest: 2_000, deadline: started + MINUTE }, async () => {
    const query = { ImageId: imageId, ImageOwnerAlias: 'self', Status: 'Creating,Waiting' };
    return listAt(await cloud.ecs('DescribeImages', query), 'Images', 'Image')[0];
  });
  if (image === undefined) return 'the image is not listed as Creating or Waiting within a minute';
  const tag = listAt(image, 'Tags', 'Tag').some((one) => textAt(one, 'TagKey') === MARK_TAG);
  const [disk] = listAt(image, 'DiskDeviceMappings', 'DiskDeviceMapping');
  const object = textAt(disk, 'ImportOSSObject') || 'empty';
  const state = `${textAt(image, 'Status') ?? ''} and listed after ${seconds(started)}`;
  return `${state}: the tag is ${tag ? '' : 'not '}there, ImportOSSObject is ${object}`;
}

async function cancel({ imageId, taskId = '' }: Started, { cloud }: Live): Promise<string> {
  const { ecs } = cloud;
  const started = now();
  await ecs('CancelTask', { TaskId: taskId });
  const end = await poll({ first: 500, slowest: 2_000, deadline: started + 10 * MINUTE }, async () => {
    const image = await imageById(ecs, imageId);
    if (image === undefined) return 'gone';
    return isBeingMade(image) ? undefined : `left as ${image.status}`;
  });
  const task = (await statusOf(ecs, taskId)) ?? 'not listed';
  return `after ${seconds(started)} the image is ${end ?? 'still being made'}, the task ${task}`;
}

export const askEncryptedCopy: Ask = async ({ cloud, region, prefix, imageId, log }) => {
  if (imageId === '') return 'not asked: the action made no image';
  const { ecs } = cloud;
  const started = now();
  const made = await ecs('CopyImage', {
    ImageId: imageId,
    DestinationRegionId: region,
    DestinationImageName: `${prefix}copy`,
    Encrypted: true,
    ClientToken: randomUUID(),
  });
  const copy = { imageId: textAt(made, 'ImageId') ?? '' };
  const { snapshots } = await waitForImage({ ecs, log, timeout: 20 * MINUTE }, copy);
  const listed = await ecs('DescribeSnapshots', { SnapshotIds: JSON.stringify(snapshots) });
  const encrypted = listAt(listed, 'Snapshots', 'Snapshot').map((one) => textAt(one, 'Encrypted') ?? 'unknown');
  return `yes: Available after ${seconds(started)}, its snapshots are Encrypted: ${encrypted.join(', ')}`;
};
