import type { Answer, OssCall, RpcCall } from './call.ts';
import { words } from './shape.ts';

/** One operation. */
interface Row {
  name: string;
  /** Names of the (optional) query parameters; RPC: `!` marks the required ones, 1 stands for any number. */
  params: string[];
  /** The error codes of the handler, besides those that any request can get. */
  codes: string[];
}
export interface OssRow extends Row {
  /** Method, place, and the query parameters and headers that identify the operation. */
  at: string[];
  action: string;
}
export interface RpcRow extends Row {
  /** What follows `acs:<service>:<region>:<account>:`, with `{Parameter}` to fill in. */
  resource: string;
}
export type OssHandlers = Record<string, (call: OssCall) => Answer | Promise<Answer>>;
export type RpcHandlers = Record<string, (call: RpcCall) => object | Promise<object>>;

const TAGS = 'Tag.1.Key Tag.1.Value';
const TAG_CODES = 'TagKey.Duplication InvalidTagKey.Malformed InvalidTagValue.Malformed';
const NAME_CODES = 'InvalidImageName.Duplicated InvalidImageName.Malformed InvalidDescription.Malformed';
const PAGES = 'PageNumber PageSize';
const POLICY = 'PolicyType! PolicyName!';

/**
 * Operation | how it is recognised | optional query parameters | RAM action, unless it is `oss:<Operation>` | codes.
 * Documentation: https://www.alibabacloud.com/help/en/oss/developer-reference/ and the operation in lower case.
 */
const OSS = `
ListBuckets | GET service | prefix marker max-keys | |
PutBucket | PUT bucket | | | BucketAlreadyExists InvalidBucketName TooManyBuckets
GetBucketInfo | GET bucket bucketInfo | | |
GetBucketWorm | GET bucket worm | | | NoSuchWORMConfiguration
PutBucketEncryption | PUT bucket encryption | | | MalformedXML
PutBucketLifecycle | PUT bucket lifecycle | | | MalformedXML
DeleteBucket | DELETE bucket | | | BucketNotEmpty
PutObject | PUT object | | |
  EntityTooLarge FileAlreadyExists FileImmutable InvalidDigest InvalidObjectName MissingContentLength
HeadObject | HEAD object | versionId | oss:GetObject | NoSuchKey NoSuchVersion
DeleteObject | DELETE object | versionId | | FileImmutable
ListObjectsV2 | GET bucket list-type | prefix continuation-token max-keys | oss:ListObjects |
ListMultipartUploads | GET bucket uploads | prefix key-marker upload-id-marker max-uploads |
  oss:ListMultipartUploads |
InitiateMultipartUpload | POST object uploads | | oss:PutObject |
  InvalidObjectName FileAlreadyExists FileImmutable
UploadPart | PUT object partNumber uploadId | | oss:PutObject |
  NoSuchUpload EntityTooLarge InvalidDigest MissingContentLength
UploadPartCopy | PUT object partNumber uploadId x-oss-copy-source | | oss:PutObject |
  NoSuchUpload NoSuchKey EntityTooLarge InvalidRange InvalidObjectState
ListParts | GET object uploadId | max-parts part-number-marker | | NoSuchUpload
CompleteMultipartUpload | POST object uploadId | | oss:PutObject |
  NoSuchUpload MalformedXML InvalidPart InvalidPartOrder EntityTooSmall FileAlreadyExists FileImmutable
AbortMultipartUpload | DELETE object uploadId | | | NoSuchUpload`;

/**
 * Operation | resource of its RAM action (-: needs no right) | parameters | codes.
 * Documentation: https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26- and the operation in lower case.
 */
const ECS = `
ImportImage | image/* | RegionId! ImageName Description Architecture OSType Platform BootMode LicenseType RoleName
  ResourceGroupId ClientToken DetectionStrategy Features.NvmeSupport Features.ImdsSupport DryRun ${TAGS}
  DiskDeviceMapping.1.Format DiskDeviceMapping.1.OSSBucket DiskDeviceMapping.1.OSSObject
  DiskDeviceMapping.1.DiskImageSize |
  ${NAME_CODES} ${TAG_CODES} UnsupportedSuffix.OSSObject InvalidOSSBucket.NotFound InvalidOSSBucket.NotMatched
  InvalidOSSBucket.EncryptUnsupported InvalidOSSObject.NotFound InvalidOSSObject.Malformed InvalidOSSObject.Size
  InvalidOSSObject.NeedRestore InvalidOSS.NotAuthorized NoSetRoletoECSServiceAcount InvalidImageSize InvalidDataDiskSize
  InvalidImageFormat.Malformed InvalidVHDImage.IncorrectSize InvalidBlockSize.NotSupport InvalidBootMode.Malformed
  InvalidBootMode.NotSupport InvalidArchitecture.Malformed InvalidOSType.Malformed InvalidLicenseType.NotSupported
  InvalidParameter.DetectionStrategy InvalidParameter.FeaturesImdsSupport QuotaExceed.Image
  MissingParameter.DiskDeviceMapping
DescribeImages | image/{ImageId} | RegionId! Status ImageId ImageName ImageOwnerAlias ${PAGES} |
  InvalidStatus.NotFound InvalidImageOwnerAlias.ValueNotSupported
ModifyImageAttribute | image/{ImageId} | RegionId! ImageId! ImageName ImageFamily BootMode DryRun | ${NAME_CODES}
  InvalidImageId.NotFound IncorrectImageStatus InvalidBootMode.Malformed InvalidImageFamily.Malformed
DeleteImage | image/{ImageId} | RegionId! ImageId! Force | InvalidImageId.NotFound ImageUsingByInstance
  ImageUseShared OperationDenied.ImageCopying ImageIsImporting
DescribeTasks | * | RegionId! TaskIds TaskAction ${PAGES} |
DescribeTaskAttribute | * | RegionId! TaskId! | InvalidTaskId.NotFound
CancelTask | * | RegionId! TaskId! | InvalidTaskId.NotFound InvalidTaskId.IncorrectTaskStatus
CopyImage | image/{ImageId} | RegionId! ImageId! DestinationRegionId DestinationImageName DestinationDescription Encrypted
  KMSKeyId ResourceGroupId ClientToken ${TAGS} | ${NAME_CODES} ${TAG_CODES} InvalidImageId.NotFound
  IncorrectImageStatus OperationDenied.ImageCopyConflict InvalidOperation.VhdImageUnsupported QuotaExceed.Image
  InvalidRegionId.NotFound
CancelCopyImage | image/{ImageId} | RegionId! ImageId! | InvalidImageId.NotFound IncorrectImageStatus
ModifyImageSharePermission | image/{ImageId} | RegionId! ImageId! AddAccount.1 RemoveAccount.1 |
  InvalidImageId.NotFound InvalidAccount.NotFound IncorrectImageStatus QuotaExceed.ImageShare
  InvalidOperation.EncryptedImage
DescribeImageSharePermission | image/{ImageId} | RegionId! ImageId! ${PAGES} | InvalidImageId.NotFound
DescribeDiskEncryptionByDefaultStatus | diskencryptiondefaultconfig/* | RegionId! |
DescribeSnapshots | * | RegionId! SnapshotIds ${PAGES} |
DeleteSnapshot | snapshot/{SnapshotId} | SnapshotId! | InvalidSnapshotId.NotFound SnapshotCreatedImage`;

/** https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01- and the operation in lower case. */
const RAM = `
GetRole | role/{RoleName} | RoleName! | EntityNotExist.Role
CreateRole | role/{RoleName} | RoleName! AssumeRolePolicyDocument! Description |
  EntityAlreadyExists.Role InvalidParameter.RoleName MalformedPolicyDocument
AttachPolicyToRole | role/{RoleName} | ${POLICY} RoleName! |
  EntityNotExist.Role EntityNotExist.Policy EntityAlreadyExists.Role.Policy
ListPoliciesForRole | role/{RoleName} | RoleName! | EntityNotExist.Role
GetPolicy | policy/{PolicyName} | ${POLICY} | EntityNotExist.Policy`;

/** https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01- and the operation in lower case. */
const STS = `
GetCallerIdentity | - | |
AssumeRole | {RoleArn} | RoleArn! RoleSessionName! DurationSeconds ExternalId Policy |
  EntityNotExist.Role InvalidParameter.DurationSeconds InvalidParameter.RoleSessionName
AssumeRoleWithOIDC | - | OIDCProviderArn! RoleArn! OIDCToken! RoleSessionName! DurationSeconds Policy |
  AuthenticationFail.NoPermission AuthenticationFail.OIDCToken.AudienceNotMatch AuthenticationFail.OIDCToken.Expired
  AuthenticationFail.OIDCToken.Invalid AuthenticationFail.OIDCToken.InvalidSignature InvalidParameter.DurationSeconds
  InvalidParameter.RoleSessionName`;

function rows(text: string): string[][] {
  const lines = text.trim().replaceAll('\n  ', ' ').split('\n');
  return lines.map((line) => line.split('|').map((column) => column.trim()));
}

function rpcRows(text: string): RpcRow[] {
  return rows(text).map(([name = '', resource = '', params, codes]) => {
    return { name, resource, params: words(params), codes: words(codes) };
  });
}

export const OSS_ROWS = rows(OSS).map(([name = '', at, params, action, codes]): OssRow => {
  return { name, at: words(at), action: action || `oss:${name}`, params: words(params), codes: words(codes) };
});
export const RPC_ROWS: Record<string, RpcRow[]> = { ecs: rpcRows(ECS), ram: rpcRows(RAM), sts: rpcRows(STS) };
