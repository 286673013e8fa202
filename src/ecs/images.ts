import { CloudError, hasCode } from '../cloud/errors.ts';
import { listAt, textAt } from '../cloud/json.ts';
import { isTransient } from '../cloud/retry.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';
import { entries } from './pages.ts';

/** A custom image of this account, as DescribeImages shows it. */
export interface Image {
  id: string;
  name: string;
  /** Creating, Waiting, Available, UnAvailable, CreateFailed or Deprecated. */
  status: string;
  /** Such as `37%`. */
  progress: string;
  /** Start of the import or copy, such as `2026-01-31T12:00:00Z`. */
  created: string;
  tags: Record<string, string>;
  /** Ids of the snapshots behind its disks. */
  snapshots: string[];
  /** Objects that its disks were imported from. */
  sources: { bucket: string; key: string }[];
  /** Result of the check that `detection_strategy` asks for. */
  detection: string | undefined;
}

/** The status values are listed in https://help.aliyun.com/document_detail/25534.html, parameter Status. */
export const isBeingMade = ({ status }: Pick<Image, 'status'>): boolean => /^(Creating|Waiting)$/.test(status);
export const isFailed = ({ status }: Pick<Image, 'status'>): boolean => /^(CreateFailed|UnAvailable)$/.test(status);
export const isFinished = ({ status }: Pick<Image, 'status'>): boolean => /^(Available|Deprecated)$/.test(status);

/** Sent with every query: by default, ECS lists only Available images, and images of other accounts too. */
const OWN = { ImageOwnerAlias: 'self', Status: 'Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated' };

/**
 * All custom images of this account in the region, in any status. Callers compare names and tags themselves, because it is
 * not documented what the search by name matches (https://help.aliyun.com/document_detail/25534.html).
 * @throws CloudError
 */
export async function listImages(ecs: Rpc): Promise<Image[]> {
  // By id: an image that is made meanwhile can push another one from the end of a page to the start of the next.
  const found = new Map<string, Image>();
  for await (const value of entries(ecs, 'DescribeImages', OWN, 'Images', 'Image')) {
    const image = toImage(value);
    found.set(image.id, image);
  }
  return [...found.values()];
}

/** The image with this id; undefined when it was deleted or is not listed yet. @throws CloudError */
export async function imageById(ecs: Rpc, id: string): Promise<Image | undefined> {
  const answer = await ecs('DescribeImages', { ...OWN, ImageId: id, PageNumber: 1, PageSize: 100 });
  return listAt(answer, 'Images', 'Image')
    .map(toImage)
    .find((image) => image.id === id);
}

/** Status and findings of the image check, in the order of the answer. */
function detectionOf(value: unknown): string | undefined {
  const status = textAt(value, 'DetectionOptions', 'Status');
  if (status === undefined) return undefined;
  const findings = listAt(value, 'DetectionOptions', 'Items', 'Item').map((item) => {
    const of = (...names: string[]) => names.map((name) => textAt(item, name) ?? '').filter((text) => text !== '');
    const risk = of('RiskLevel', 'RiskCode').join(' ');
    return of('Name', 'Value').join(' ') + (risk === '' ? '' : ` (${risk})`);
  });
  return [status, ...findings].join('; ');
}

function toImage(value: unknown): Image {
  // TagKey and TagValue are documented for this call, Key and Value for most others.
  const either = (tag: unknown, name: string) => textAt(tag, `Tag${name}`) ?? textAt(tag, name) ?? '';
  const tags = listAt(value, 'Tags', 'Tag').map((tag) => [either(tag, 'Key'), either(tag, 'Value')]);
  const disks = listAt(value, 'DiskDeviceMappings', 'DiskDeviceMapping');
  const given = (name: string) => disks.map((disk) => textAt(disk, name) ?? '');
  const keys = given('ImportOSSObject');
  return {
    id: textAt(value, 'ImageId') ?? '',
    name: textAt(value, 'ImageName') ?? '',
    status: textAt(value, 'Status') ?? '',
    progress: textAt(value, 'Progress') ?? '',
    created: textAt(value, 'CreationTime') ?? '',
    tags: Object.fromEntries(tags) as Record<string, string>,
    detection: detectionOf(value),
    snapshots: given('SnapshotId').filter((id) => id !== ''),
    sources: given('ImportOSSBucket')
      .map((bucket, n) => ({ bucket, key: keys[n] ?? '' }))
      .filter(({ bucket, key }) => bucket !== '' && key !== ''),
  };
}

/** Longest time until a new image is listed, in ms (undocumented). */
export const LISTING_LAG = 15_000;

/** Tag that holds the mark of the execution that made the image. */
export const MARK_TAG = 'alicloud-import';
/** Tag that holds the hash of the image's content. */
export const CONTENT_TAG = 'alicloud-import-content';
/** Tag that names the workflow run for people. */
export const RUN_TAG = 'alicloud-import-run';

/** Tags as parameters of a call, numbered from 1. */
export function tagParams(tags: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(tags).flatMap(([key, value], n) => [
    [`Tag.${n + 1}.Key`, key],
    [`Tag.${n + 1}.Value`, value],
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** The image with this id or, as long as that is unknown, with this name and mark. @throws CloudError */
export async function findImage(
  ecs: Rpc,
  { id, name, mark }: { id?: string | undefined; name: string; mark: string },
): Promise<Image | undefined> {
  if (id !== undefined) return imageById(ecs, id);
  return (await listImages(ecs)).find((image) => image.name === name && image.tags[MARK_TAG] === mark);
}

/** Another image has the name. The documentation has both spellings. */
export const NAME_TAKEN = /^InvalidImageName\.Duplicated?$/;
/** The ClientToken is in use. */
const TOKEN_TAKEN = /^(ImageIsImporting|Idempotent\w+)$/;

/** An image to start. */
export interface NewImage {
  /** Name and mark find the image when the answer of the call is lost. */
  name: string;
  mark: string;
  /** The parameters of the call, with a ClientToken that is the same in every try. */
  params: Params;
}

/**
 * Id of the image that a call makes. Where the answer is lost, looks for the image by name and mark.
 * @param operation - such as `ecs:ImportImage`
 * @param there - client for the region of the new image
 * @throws CloudError of the call when there is no such image
 */
export async function imageIdFrom(
  operation: string,
  call: () => Promise<unknown>,
  there: Rpc,
  image: Pick<NewImage, 'name' | 'mark'>,
): Promise<string> {
  try {
    const imageId = textAt(await call(), 'ImageId');
    if (imageId !== undefined) return imageId;
    throw new CloudError(operation, 'UnexpectedAnswer', 'the answer contains no image id');
  } catch (error) {
    // An earlier try whose answer was lost may have taken the name or the ClientToken.
    if (!hasCode(error, NAME_TAKEN) && !hasCode(error, TOKEN_TAKEN) && !isTransient(error)) throw error;
    const look = () => findImage(there, image);
    const patience = { first: 1_000, slowest: 3_000, deadline: now() + LISTING_LAG };
    const found = await poll(patience, look).catch(() => undefined);
    if (found === undefined) throw error;
    return found.id;
  }
}
