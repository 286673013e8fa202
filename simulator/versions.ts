import type { Bucket, ObjectVersion } from './entities.ts';
import { randomId } from './ids.ts';
import { release } from './store.ts';

export function newVersionId(bucket: Bucket): string {
  return bucket.versioning === 'Enabled' ? randomId('CAEQ', 60) : 'null';
}

export type NewVersion = Omit<ObjectVersion, 'versionId' | 'deleteMarker'>;

/** Makes this the newest version; where versions are not kept it takes the place of the one before. */
export async function putVersion(bucket: Bucket, some: NewVersion): Promise<ObjectVersion> {
  const version = { ...some, versionId: newVersionId(bucket), deleteMarker: false };
  const versions = bucket.objects.get(version.key) ?? [];
  const replaced = versions.filter(({ versionId }) => versionId === version.versionId);
  bucket.objects.set(version.key, [version, ...versions.filter((one) => !replaced.includes(one))]);
  await release(replaced.flatMap(({ extents }) => extents));
  return version;
}
