import type { DiskImage } from '../disk/disk.ts';
import { PREFIX } from '../oss/bucket.ts';
import type { Mark } from './ownership.ts';
import type { ImportRequest } from './request.ts';

/** What the keys of all attempts with this owner begin with. */
export const ownerFolder = ({ image, workflow }: ImportRequest, { owner }: Mark): string =>
  `${PREFIX}${image.name}/${workflow.runId}-${owner}/`;

/** What all keys of this execution begin with, but those that the user has chosen. */
const folder = (request: ImportRequest, me: Mark): string => `${ownerFolder(request, me)}${me.attempt}-${me.nonce}/`;

/** Keys of the disks below this action's prefix. */
export const diskNames = (disks: DiskImage[]): string[] =>
  disks.map(({ format }, n) => `${n === 0 ? 'disk' : `disk-${n + 1}`}.${format.toLowerCase()}`);

/** Object keys of the disks, in their order: the user's, or those that only this execution uses. */
export function stagingKeys(request: ImportRequest, disks: DiskImage[], me: Mark): string[] {
  const { key } = request;
  return diskNames(disks).map((name, n) => {
    if (key === undefined) return folder(request, me) + name;
    return n === 0 ? key : `${key}-${name}`;
  });
}

/** What the keys of the zero objects begin with; never a key of the user's. */
export const zeroPrefix = (request: ImportRequest, disks: DiskImage[], me: Mark, n: number): string =>
  `${folder(request, me)}${diskNames(disks)[n] ?? ''}`;

/** Whether a key was derived by an attempt with this owner, so that nobody else uses it. */
export const isDerived = (key: string, { owner }: Mark): boolean =>
  key.startsWith(PREFIX) && key.includes(`-${owner}/`);

/** Name of the file that an attempt before this one has staged under this key; undefined for any other key. */
export function earlierFile(key: string, request: ImportRequest, me: Mark): string | undefined {
  const [, attempt, name] = /^(\d+)-[0-9a-f]{8}\/(.+)$/.exec(key.slice(ownerFolder(request, me).length)) ?? [];
  return Number(attempt) < me.attempt ? name : undefined;
}
