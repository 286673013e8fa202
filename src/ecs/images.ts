import { listAt, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { entries } from './pages.ts';

/** A custom image of this account, as DescribeImages shows it. */
export interface Image {
  id: string;
  name: string;
  /** Creating, Waiting, Available, UnAvailable, CreateFailed or Deprecated. */
  status: string;
  /** Such as `37%`. */
  progress: string;
  /** When its making began, such as `2026-01-31T12:00:00Z`. */
  created: string;
  tags: Record<string, string>;
  /** Ids of the snapshots behind its disks. */
  snapshots: string[];
  /** Objects that its disks were imported from. */
  sources: { bucket: string; key: string }[];
  /** What ECS found when it examined the image, where it was asked to. */
  detection: string | undefined;
}

/** The states of an image: https://help.aliyun.com/document_detail/25534.html, parameter Status. */
export const isBeingMade = ({ status }: Pick<Image, 'status'>): boolean => /^(Creating|Waiting)$/.test(status);
export const isFailed = ({ status }: Pick<Image, 'status'>): boolean => /^(CreateFailed|UnAvailable)$/.test(status);
export const isFinished = ({ status }: Pick<Image, 'status'>): boolean => /^(Available|Deprecated)$/.test(status);

/** What every query names: without a status only Available images are shown, without an owner those of others too. */
const OWN = { ImageOwnerAlias: 'self', Status: 'Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated' };

/**
 * All custom images of this account in the region, in any state. Callers compare names and tags: what the search of the
 * service matches is not documented (https://help.aliyun.com/document_detail/25534.html).
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

/** The image with this id; undefined when it is gone or not listed yet. @throws CloudError */
export async function imageById(ecs: Rpc, id: string): Promise<Image | undefined> {
  const answer = await ecs('DescribeImages', { ...OWN, ImageId: id, PageNumber: 1, PageSize: 100 });
  return listAt(answer, 'Images', 'Image')
    .map(toImage)
    .find((image) => image.id === id);
}

/** Status and findings of the check that `detection_strategy` asks for, in the order of the answer. */
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
  const tags = listAt(value, 'Tags', 'Tag').map((tag) => [textAt(tag, 'TagKey') ?? '', textAt(tag, 'TagValue') ?? '']);
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

/** How long a listing may lag behind an import, in ms: undocumented. */
export const LISTING_LAG = 15_000;

/** Tag whose value is the mark of the execution that made the image. */
export const MARK_TAG = 'alicloud-import';
/** Tag whose value is the hash of what the image is made of. */
export const CONTENT_TAG = 'alicloud-import-content';
/** Tag that names the workflow run for people. */
export const RUN_TAG = 'alicloud-import-run';

/** Tags as parameters of a call, counted from 1. */
export function tagParams(tags: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(tags).flatMap(([key, value], n) => [
    [`Tag.${n + 1}.Key`, key],
    [`Tag.${n + 1}.Value`, value],
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/**
 * The image under `name` with this mark, which a call whose answer was lost has made. A listing may lag behind.
 * @throws CloudError
 */
export async function findMarked(ecs: Rpc, name: string, mark: string): Promise<Image | undefined> {
  return (await listImages(ecs)).find((image) => image.name === name && image.tags[MARK_TAG] === mark);
}
