import type { DiskImage } from '../disk/disk.ts';
import { PREFIX } from '../oss/bucket.ts';
import type { Claim } from '../oss/objects.ts';
import { isOurs, type Mark } from './ownership.ts';
import type { ImportRequest } from './request.ts';

/** Prefix of the derived keys of all attempts with this owner. */
export const ownerFolder = ({ image, workflow }: ImportRequest, { owner }: Mark): string =>
  `${PREFIX}${image.name}/${workflow.runId}-${owner}/`;

/** Where a disk is staged. */
export interface StagingKeys {
  disk: DiskImage;
  /** Name of the disk, the last part of derived keys. */
  name: string;
  /** From `oss_key_name`, or derived. */
  key: string;
  /** Prefix of the keys of its zero objects, which are always derived. */
  zeros: string;
}

/** The keys of each disk, in order. */
export function stagingKeys(request: ImportRequest, disks: DiskImage[], me: Mark): StagingKeys[] {
  return disks.map((disk, n) => {
    const name = `${n === 0 ? 'disk' : `disk-${n + 1}`}.${disk.format.toLowerCase()}`;
    const derived = `${ownerFolder(request, me)}${me.attempt}-${me.nonce}/${name}`;
    const chosen = request.key && (n === 0 ? request.key : `${request.key}-${name}`);
    return { disk, name, key: chosen ?? derived, zeros: derived };
  });
}

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
