import type { RpcCall } from '../call.ts';
import { type Disk, type ObjectVersion, type Role, randomId } from '../entities.ts';
import { fail, missing } from '../errors.ts';
import { decide, isAllowed, roleStatements, trusts } from '../policies.ts';
import { IMPORT_ROLE } from '../world.ts';
import { shape } from '../shape.ts';
import type { RpcHandlers } from '../table.ts';
import { inspect } from './diskformat.ts';
import { startImage } from './settle.ts';
import { checkDescription, checkName, checkOneOf, checkQuota, numbered, readTags } from './values.ts';

const GIB = 2 ** 30;
/** The fields of an image, from the parameters. */
const IMAGE = `description=Description architecture=Architecture osType=OSType platform=Platform bootMode=BootMode
  nvmeSupport=Features.NvmeSupport imdsSupport=Features.ImdsSupport resourceGroupId=ResourceGroupId
  licenseType=LicenseType detectionStrategy=DetectionStrategy`;

interface Source {
  disk: Disk;
  version: ObjectVersion;
}

export const IMPORT: RpcHandlers = { ImportImage: importImage };

async function importImage(call: RpcCall): Promise<object> {
  const { params, world, account, region, now } = call;
  checkValues(params);
  const tags = readTags(call);
  if (params.ImageName) checkName(call, params.ImageName, region);
  // "N > 17 is ignored"
  const mappings = numbered(params, 'DiskDeviceMapping').slice(0, 17);
  if (mappings.length === 0) fail('MissingParameter.DiskDeviceMapping');
  const role = findRole(call);
  const sources: Source[] = [];
  for (const [at, mapping] of mappings.entries()) sources.push(await findSource(call, role, mapping, at));
  checkQuota(call, region);
  // Another call may have taken the name while this one read the objects.
  if (params.ImageName) checkName(call, params.ImageName, region);
  if (params.DryRun === 'true') fail('DryRunOperation');
  const disks = sources.map(({ disk }) => disk);
  const image = startImage(world, account, region, params.ImageName, { ...shape(IMAGE, params), tags, disks });
  const failure = world.nextImportFails;
  world.nextImportFails = undefined;
  const ends = now + world.durations.importSeconds * 1000;
  const id = randomId('t-2ze', 17);
  world.tasks.push({
    id,
    region,
    owner: account.id,
    imageId: image.id,
    action: 'ImportImage',
    status: 'Processing',
    begun: now,
    ends,
    progress: 0,
    reads: sources.map(({ disk, version }) => ({ bucket: disk.bucket, version })),
    readDone: false,
    ...(failure && { failure: { ...failure, at: now + (ends - now) * (failure.at ?? 0.5) } }),
  });
  return { ImageId: image.id, TaskId: id, RegionId: region };
}

function checkValues(params: Record<string, string>): void {
  checkDescription(params.Description);
  checkOneOf(params.Architecture, ['i386', 'x86_64', 'arm64'], 'InvalidArchitecture.Malformed');
  checkOneOf(params.BootMode, ['BIOS', 'UEFI'], 'InvalidBootMode.Malformed');
  if (params.Architecture === 'arm64' && params.BootMode !== 'UEFI') fail('InvalidBootMode.NotSupport');
  checkOneOf(params.OSType, ['linux', 'windows'], 'InvalidOSType.Malformed');
  checkOneOf(params.DetectionStrategy, ['Standard'], 'InvalidParameter.DetectionStrategy');
  checkOneOf(params['Features.NvmeSupport'], ['supported', 'unsupported'], 'InvalidParameter');
  checkOneOf(params['Features.ImdsSupport'], ['v1', 'v2'], 'InvalidParameter.FeaturesImdsSupport');
  const windows = params.OSType === 'windows';
  if (windows && !params.LicenseType) missing('LicenseType');
  if (!windows && params.LicenseType && params.LicenseType !== 'Auto') fail('InvalidLicenseType.NotSupported');
  checkOneOf(params.LicenseType, ['Auto', 'Aliyun', 'BYOL'], 'InvalidLicenseType.NotSupported');
}

/** The role with which ECS reads the object. How long a new role takes to reach ECS is not documented. */
function findRole(call: RpcCall): Role {
  const { params, account, world, now } = call;
  const name = params.RoleName ?? IMPORT_ROLE;
  if (params.RoleName) call.authorize('ram:PassRole', `acs:ram:*:${account.id}:role/${name}`);
  const role = account.roles.find((one) => one.name === name);
  if (!role || role.created > now - world.durations.rolePropagationSeconds * 1000) fail('NoSetRoletoECSServiceAcount');
  // The code for a role that does not trust ECS is not documented.
  if (!trusts(role, { Service: 'ecs.aliyuncs.com' })) fail('InvalidOSS.NotAuthorized');
  return role;
}

async function findSource(call: RpcCall, role: Role, mapping: Record<string, string>, at: number): Promise<Source> {
  const { world, account, region, now } = call;
  const { OSSBucket: bucketName = '', OSSObject: key = '', Format: claimed = '', DiskImageSize: size } = mapping;
  const bucket = world.bucket(bucketName) ?? fail('InvalidOSSBucket.NotFound');
  if (bucket.region !== region) fail('InvalidOSSBucket.NotMatched');
  const statements = roleStatements(world, account, role, now - world.durations.rolePropagationSeconds * 1000);
  for (const action of ['oss:GetObject', 'oss:GetBucketInfo', 'oss:GetBucketLocation']) {
    const resource = `acs:oss:oss-${region}:${bucket.owner}:${bucketName}${action === 'oss:GetObject' ? `/${key}` : ''}`;
    const denied = decide(bucket.policy, action, resource) === 'Deny' || bucket.owner !== account.id;
    if (denied || !isAllowed([statements], action, resource)) fail('InvalidOSS.NotAuthorized');
  }
  // The documentation says "encrypted". It is an open question whether that includes AES256.
  if (bucket.encryption) fail('InvalidOSSBucket.EncryptUnsupported');
  if (key === '' || /^[/\\]/.test(key)) fail('InvalidOSSObject.Malformed');
  const version = world.object(bucketName, key) ?? fail('InvalidOSSObject.NotFound');
  // The list of suffixes is not published. These, and a key without a suffix, have been seen to work.
  const suffix = /\.([^./]*)$/.exec(key)?.[1]?.toLowerCase() ?? 'raw';
  if (!['raw', 'vhd', 'qcow2', 'img', 'zip'].includes(suffix)) fail('UnsupportedSuffix.OSSObject');
  if (version.size === 0) fail('InvalidOSSObject.Size');
  if (version.storageClass.includes('Archive')) fail('InvalidOSSObject.NeedRestore');
  const { format, virtualSize } = await inspect(version);
  if (format === 'VMDK' || (claimed !== '' && claimed.toUpperCase() !== format)) fail('InvalidImageFormat.Malformed');
  const device = `/dev/xvd${String.fromCharCode(97 + at)}`;
  const place = { device, snapshotId: '', bucket: bucketName, object: key };
  const { size: bytes, crc } = version;
  return { disk: { ...place, sizeGiB: checkSize(size, virtualSize, at), format, bytes, crc }, version };
}

/** It is an open question whether a size below that of the disk fails here or in the task. */
function checkSize(size: string | undefined, virtualSize: number, at: number): number {
  const least = Math.ceil(virtualSize / GIB);
  const wanted = size === undefined || size === '' ? least : Number(size);
  const valid = Number.isInteger(wanted) && wanted >= 1 && wanted <= 2048 && wanted >= least;
  if (!valid) fail(at === 0 ? 'InvalidImageSize' : 'InvalidDataDiskSize');
  return wanted;
}
