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
  /** What ECS found when it examined the image, where it was asked to. */
  detection: string | undefined;
}

/** Which images: all filters together. `name` is exact. */
export interface ImageFilter {
  id?: string;
  name?: string;
  /** The server's fuzzy search; the caller compares. */
  nameLike?: string;
}

/**
 * All custom images of this account in the region that match, in any state.
 * Status must be explicit, or only Available ones are shown; the name is searched fuzzily and over other owners' images
 * (https://help.aliyun.com/document_detail/25534.html).
 */
export async function findImages(ecs: Rpc, filter: ImageFilter): Promise<Image[]> {
  const query = {
    ImageId: filter.id,
    ImageName: filter.name ?? filter.nameLike,
    ImageOwnerAlias: 'self',
    Status: 'Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated',
  };
  const found: Image[] = [];
  for await (const value of entries(ecs, 'DescribeImages', query, 'Images', 'Image')) {
    const image = toImage(value);
    if ((filter.id ?? image.id) === image.id && (filter.name ?? image.name) === image.name) found.push(image);
  }
  return found;
}

function toImage(value: unknown): Image {
  const tags = listAt(value, 'Tags', 'Tag').map((tag) => [textAt(tag, 'TagKey') ?? '', textAt(tag, 'TagValue') ?? '']);
  const disks = listAt(value, 'DiskDeviceMappings', 'DiskDeviceMapping');
  return {
    id: textAt(value, 'ImageId') ?? '',
    name: textAt(value, 'ImageName') ?? '',
    status: textAt(value, 'Status') ?? '',
    progress: textAt(value, 'Progress') ?? '',
    created: textAt(value, 'CreationTime') ?? '',
    tags: Object.fromEntries(tags) as Record<string, string>,
    detection: textAt(value, 'DetectionOptions', 'Status'),
    snapshots: disks.map((disk) => textAt(disk, 'SnapshotId') ?? '').filter((id) => id !== ''),
  };
}

/** How long a listing may lag behind an import, in ms: undocumented. */
export const LISTING_LAG = 15_000;

/** The tag that marks what an import of ours made; its value names the run. */
export const TAG = 'alicloud-import';

/** The tag that holds the CRC-64 of what the image was made of, where images are to be reused. */
export const SUM_TAG = 'alicloud-import-crc64';

/** Tags as parameters of a call, counted from 1. */
export function tagParams(tags: Record<string, string>): Record<string, string> {
  const pairs = Object.entries(tags).flatMap(([key, value], n) => [
    [`Tag.${n + 1}.Key`, key],
    [`Tag.${n + 1}.Value`, value],
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** Whether a run of ours, named `<repository>/<run id>`, made the image. */
export const isOurs = (image: Image, run: string): boolean => image.tags[TAG] === run;
