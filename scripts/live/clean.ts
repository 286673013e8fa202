/** Deletes everything whose name has the prefix of the run, whichever step made it. */
import { CloudError } from '../../src/cloud/errors.ts';
import { now, poll } from '../../src/cloud/time.ts';
import { isBeingMade, LISTING_LAG, listImages, type Image } from '../../src/ecs/images.ts';
import { deleteIntermediate } from '../../src/ecs/delete.ts';
import { importTask } from '../../src/ecs/tasks.ts';
import type { Oss } from '../../src/oss/client.ts';
import { abortUpload } from '../../src/oss/objects.ts';
import type { Sdk } from '../../src/oss/sdk.ts';
import type { Live } from './account.ts';
import { refusal, said } from './imports.ts';
import { ACCELERATE, objectOf } from './storage.ts';

/** How long to wait for an import that cannot be cancelled, in ms. */
const PATIENCE = 20 * 60_000;

/** Deletes the buckets first, which takes seconds and ends imports too. @returns what could not be deleted */
export async function clean(live: Live): Promise<string[]> {
  const { accelerated, bucket, encrypted, region } = live;
  const left: string[] = [];
  for (const one of [bucket, encrypted]) {
    const no = await refusal(removeBucket(live.at(one, region).oss));
    if (no !== undefined && no.code !== 'NoSuchBucket') left.push(`the bucket ${one}: ${said(no)}`);
  }
  // A host that refuses to delete has also refused to put.
  for (const host of accelerated === '' ? [] : [undefined, ACCELERATE]) {
    const { oss } = live.at(accelerated, region, host);
    await refusal(oss.call('oss:DeleteObject', (sdk) => sdk.delete(objectOf(live))));
  }
  return [...left, ...(await removeImages(live))];
}

interface ListSdk {
  deleteBucket(bucket: string): Promise<unknown>;
}

async function removeBucket(oss: Oss): Promise<void> {
  const { bucket, log } = oss;
  const more = (sdk: Sdk) => sdk as unknown as ListSdk;
  const look = async () => {
    const { uploads } = await oss.call('oss:ListMultipartUploads', (sdk) => sdk.listUploads({ 'max-uploads': 1000 }));
    for (const { name = '', uploadId = '' } of uploads) await abortUpload(oss, name, uploadId);
    const { objects } = await oss.call('oss:ListObjects', (sdk) => sdk.listV2({ 'max-keys': 1000 }));
    for (const { name } of objects) await oss.call('oss:DeleteObject', (sdk) => sdk.delete(name));
    return uploads.length + objects.length === 0 ? true : undefined;
  };
  await poll({ first: 100, slowest: 1_000, deadline: now() + PATIENCE }, look);
  await oss.call('oss:DeleteBucket', (sdk) => more(sdk).deleteBucket(bucket));
  log.info(`Deleted the bucket ${bucket}.`);
}

/** Deletes images until none has been listed for as long as a listing may lag. */
async function removeImages({ cloud, prefix }: Live): Promise<string[]> {
  const { ecs } = cloud;
  let left: string[] = [];
  let since: number | undefined;
  const look = async () => {
    const images = (await listImages(ecs)).filter(({ name }) => name.startsWith(prefix));
    left = [];
    for (const image of images) {
      const no = await refusal(removeImage(image, cloud));
      left.push(`the image ${image.id} (${image.status})${no === undefined ? '' : `: ${said(no)}`}`);
    }
    since = images.length > 0 ? undefined : (since ?? now());
    return since !== undefined && now() - since >= LISTING_LAG ? true : undefined;
  };
  const no = await refusal(poll({ first: 2_000, slowest: 5_000, deadline: now() + PATIENCE }, look));
  return no === undefined ? left : [...left, `perhaps images: ${said(no)}`];
}

async function removeImage(image: Image, { ecs, oss: { log } }: Live['cloud']): Promise<void> {
  if (!isBeingMade(image)) return deleteIntermediate(ecs, log, image);
  if (image.name.endsWith('copy')) {
    await ecs('CancelCopyImage', { ImageId: image.id });
    return;
  }
  const task = await importTask(ecs, image.id);
  if (task === undefined) throw new CloudError('ecs:CancelTask', 'NoTask', 'its import task is not listed');
  await ecs('CancelTask', { TaskId: task });
}
