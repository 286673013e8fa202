import type { DiskImage } from '../disk/disk.ts';
import { PREFIX } from '../oss/bucket.ts';
import type { Claim } from '../oss/objects.ts';
import { isOurs, type Mark } from './ownership.ts';
import type { ImportRequest } from './request.ts';

/** Prefix of the derived keys of all attempts with this owner. */
export const ownerFolder = ({ image, workflow }: ImportRequest, { owner }: Mark): string =>
  `${PREFIX}${image.name}/${workflow.runId}-${owner}/`;

/** Prefix of the derived keys of this execution. */
const folder = (request: ImportRequest, me: Mark): string => `${ownerFolder(request, me)}${me.attempt}-${me.nonce}/`;

/** Names of the disks below that prefix. */
export const diskNames = (disks: DiskImage[]): string[] =>
  disks.map(({ format }, n) => `${n === 0 ? 'disk' : `disk-${n + 1}`}.${format.toLowerCase()}`);

/** Object keys of the disks, in order: from `oss_key_name`, or derived. */
export function stagingKeys(request: ImportRequest, disks: DiskImage[], me: Mark): string[] {
  const { key } = request;
  return diskNames(disks).map((name, n) => {
    if (key === undefined) return folder(request, me) + name;
    return n === 0 ? key : `${key}-${name}`;
  });
}

/** Prefix of the keys of a disk's zero objects, which are always derived. */
export const zeroPrefix = (request: ImportRequest, disks: DiskImage[], me: Mark, n: number): string =>
  `${folder(request, me)}${diskNames(disks)[n] ?? ''}`;

/** Whether an attempt with this owner derived the key; then no one else uses it. */
export const isDerived = (key: string, { owner }: Mark): boolean =>
  key.startsWith(PREFIX) && key.includes(`-${owner}/`);

/** What proves that this execution, or an earlier attempt, made the object under a key. */
export const claimTo = (key: string, me: Mark): Claim => ({
  key,
  derived: isDerived(key, me),
  isOurs: (mark) => isOurs(mark, me),
});

/** Name of the disk that an earlier attempt uploaded under this key; undefined for any other key. */
export function earlierFile(key: string, request: ImportRequest, me: Mark): string | undefined {
  const [, attempt, name] = /^(\d+)-[0-9a-f]{8}\/(.+)$/.exec(key.slice(ownerFolder(request, me).length)) ?? [];
  return Number(attempt) < me.attempt ? name : undefined;
}
