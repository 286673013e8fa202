import type { OssCall } from '../call.ts';
import type { Described, ObjectVersion } from '../entities.ts';
import { fail } from '../errors.ts';

/** Versioning: https://www.alibabacloud.com/help/en/oss/user-guide/overview-78 */
export function versionHeader(call: OssCall, version: ObjectVersion): Record<string, string> {
  return call.bucket.versioning ? { 'x-oss-version-id': version.versionId } : {};
}

/** The version that a request is about: the newest, or the one that it names. */
export function findVersion(call: OssCall): ObjectVersion {
  const { versionId } = call.query;
  const versions = call.bucket.objects.get(call.key) ?? [];
  if (versionId !== undefined) {
    return versions.find((one) => one.versionId === versionId) ?? fail('NoSuchVersion', { Key: call.key });
  }
  const newest = versions[0];
  if (!newest || newest.deleteMarker) fail('NoSuchKey', { Key: call.key, EC: '0026-00000001' });
  return newest;
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/putobject: x-oss-forbid-overwrite, void with versions. */
export function checkOverwrite(call: OssCall): void {
  const newest = call.bucket.objects.get(call.key)?.[0];
  if (call.headers['x-oss-forbid-overwrite'] !== 'true' || call.bucket.versioning === 'Enabled') return;
  if (newest && !newest.deleteMarker) fail('FileAlreadyExists', { EC: '0026-00000007' });
}

const CLASSES = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];
const KEPT = /^(content-type|cache-control|content-disposition|content-encoding|expires|x-oss-meta-.*|x-oss-tagging)$/;

/** What an object keeps from the request that begins it. */
export function describe(call: OssCall): Described {
  const key = call.key;
  if (Buffer.byteLength(key) > 1023 || /^[/\\]/.test(key)) fail('InvalidObjectName', { ObjectName: key });
  const storageClass = call.headers['x-oss-storage-class'] ?? call.bucket.storageClass;
  if (!CLASSES.includes(storageClass)) fail('InvalidArgument', 'The storage class is not valid.');
  const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => KEPT.test(name)));
  return { storageClass, headers: { 'content-type': 'application/octet-stream', ...headers } };
}
