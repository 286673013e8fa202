import type { Answer, OssCall, RpcCall } from './call.ts';
import { words } from './shape.ts';

/** One row of the table of operations. */
export interface Row {
  name: string;
  /** OSS: method, place and the query parameters and headers that make it this operation. */
  at: string;
  /** Names of the (further) parameters; RPC: `!` marks the required ones, 1 stands for any number. */
  params: string[];
  action: string;
  /** RPC: what stands behind `acs:<service>:<region>:<account>:`, with `{Parameter}` filled in. */
  resource: string;
  /** The codes that the handler gives, beside those that any request can meet. */
  codes: string[];
  doc: string;
}
export type OssHandlers = Record<string, (call: OssCall) => Answer | Promise<Answer>>;
export type RpcHandlers = Record<string, (call: RpcCall) => object | Promise<object>>;

const HELP = 'https://www.alibabacloud.com/help/en';
const TAGS = 'Tag.1.Key Tag.1.Value';
const TAG_CODES = 'TagKey.Duplication InvalidTagKey.Malformed InvalidTagValue.Malformed';
const NAME_CODES = 'InvalidImageName.Duplicated InvalidImageName.Malformed InvalidDescription.Malformed';
const PAGES = 'PageNumber PageSize';
const POLICY = 'PolicyType! PolicyName!';
const MISSING = 'NoSuchKey NoSuchVersion';

/** Operation | how it is recognised | further query parameters | RAM action | codes */
const OSS = `
ListBuckets | GET service | prefix marker max-keys | oss:ListBuckets |
PutBucket | PUT bucket | | oss:PutBucket | BucketAlreadyExists InvalidBucketName
GetBucketInfo | GET bucket ?bucketInfo | | oss:GetBucketInfo |
GetBucketEncryption | GET bucket ?encryption | | oss:GetBucketEncryption | NoSuchServerSideEncryptionRule
PutBucketEncryption | PUT bucket ?encryption | | oss:PutBucketEncryption | MalformedXML
PutBucketLifecycle | PUT bucket ?lifecycle | | oss:PutBucketLifecycle | MalformedXML
GetBucketLifecycle | GET bucket ?lifecycle | | oss:GetBucketLifecycle | NoSuchLifecycle
DeleteBucket | DELETE bucket | | oss:DeleteBucket | BucketNotEmpty
PutObject | PUT object | | oss:PutObject |
  EntityTooLarge FileAlreadyExists InvalidDigest InvalidObjectName MissingContentLength
HeadObject | HEAD object | versionId | oss:GetObject | ${MISSING}
GetObject | GET object | versionId | oss:GetObject | ${MISSING} InvalidObjectState
DeleteObject | DELETE object | versionId | oss:DeleteObject |
DeleteMultipleObjects | POST bucket ?delete | | oss:DeleteObject | MalformedXML MissingContentMD5
ListObjectsV2 | GET bucket ?list-type | prefix continuation-token max-keys | oss:ListObjects |
ListMultipartUploads | GET bucket ?uploads | prefix key-marker upload-id-marker max-uploads |
  oss:ListMultipartUploads |
InitiateMultipartUpload | POST object ?uploads | | oss:PutObject | InvalidObjectName FileAlreadyExists
UploadPart | PUT object ?partNumber&uploadId | | oss:PutObject |
  NoSuchUpload EntityTooLarge InvalidDigest MissingContentLength
UploadPartCopy | PUT object ?partNumber&uploadId +x-oss-copy-source | | oss:PutObject |
  NoSuchUpload ${MISSING} EntityTooLarge InvalidRange InvalidObjectState
ListParts | GET object ?uploadId | max-parts part-number-marker | oss:ListParts | NoSuchUpload
CompleteMultipartUpload | POST object ?uploadId | | oss:PutObject |
  NoSuchUpload MalformedXML InvalidPart InvalidPartOrder EntityTooSmall FileAlreadyExists
AbortMultipartUpload | DELETE object ?uploadId | | oss:AbortMultipartUpload | NoSuchUpload`;

/** Operation | resource of the RAM action (-: none is asked for) | parameters | codes */
const ECS = `
ImportImage | image/* | RegionId! ImageName Description BootMode LicenseType Features.NvmeSupport Features.ImdsSupport
  DryRun ${TAGS} Architecture OSType Platform RoleName ResourceGroupId ClientToken DetectionStrategy
  DiskDeviceMapping.1.Format DiskDeviceMapping.1.OSSBucket DiskDeviceMapping.1.OSSObject DiskDeviceMapping.1.DiskImageSize |
  ${NAME_CODES} ${TAG_CODES} UnsupportedSuffix.OSSObject InvalidOSSBucket.NotFound InvalidOSSBucket.NotMatched
  InvalidOSSBucket.EncryptUnsupported InvalidOSSObject.NotFound InvalidOSSObject.Malformed InvalidOSSObject.Size
  InvalidOSSObject.NeedRestore InvalidOSS.NotAuthorized NoSetRoletoECSServiceAcount InvalidImageSize InvalidDataDiskSize
  InvalidImageFormat.Malformed InvalidVHDImage.IncorrectSize InvalidBlockSize.NotSupport InvalidBootMode.Malformed
  InvalidBootMode.NotSupport InvalidArchitecture.Malformed InvalidOSType.Malformed InvalidLicenseType.NotSupported
  InvalidParameter.DetectionStrategy InvalidParameter.FeaturesImdsSupport QuotaExceed.Image
  MissingParameter.DiskDeviceMapping
DescribeImages | image/{ImageId} | RegionId! Status ImageId ImageName ImageOwnerAlias ${PAGES} ${TAGS} |
  InvalidStatus.NotFound InvalidImageOwnerAlias.ValueNotSupported
ModifyImageAttribute | image/{ImageId} | RegionId! ImageId! ImageName ImageFamily BootMode | ${NAME_CODES}
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
TagResources | * | RegionId! ResourceType! ResourceId.1! Tag.1.Key! Tag.1.Value | ${TAG_CODES} InvalidResourceId.NotFound
  InvalidResourceType.NotFound
ListTagResources | * | RegionId! ResourceType! ResourceId.1 ${TAGS} NextToken | ${TAG_CODES} InvalidResourceType.NotFound
DescribeDiskEncryptionByDefaultStatus | diskencryptiondefaultconfig/* | RegionId! |
DescribeSnapshots | * | RegionId! SnapshotIds ${PAGES} |
DeleteSnapshot | snapshot/{SnapshotId} | SnapshotId! | InvalidSnapshotId.NotFound SnapshotCreatedImage`;

const RAM = `
GetRole | role/{RoleName} | RoleName! | EntityNotExist.Role
CreateRole | role/{RoleName} | RoleName! AssumeRolePolicyDocument! Description |
  EntityAlreadyExists.Role InvalidParameter.RoleName MalformedPolicyDocument
AttachPolicyToRole | role/{RoleName} | ${POLICY} RoleName! |
  EntityNotExist.Role EntityNotExist.Policy EntityAlreadyExists.Role.Policy
ListPoliciesForRole | role/{RoleName} | RoleName! | EntityNotExist.Role
GetPolicy | policy/{PolicyName} | ${POLICY} | EntityNotExist.Policy`;

const STS = `
GetCallerIdentity | - | |
AssumeRole | {RoleArn} | RoleArn! RoleSessionName! DurationSeconds Policy |
  EntityNotExist.Role InvalidParameter.DurationSeconds InvalidParameter.RoleSessionName
AssumeRoleWithOIDC | unsigned | OIDCProviderArn! RoleArn! OIDCToken! RoleSessionName! DurationSeconds Policy |
  AuthenticationFail.NoPermission AuthenticationFail.OIDCToken.AudienceNotMatch AuthenticationFail.OIDCToken.Expired
  AuthenticationFail.OIDCToken.Invalid AuthenticationFail.OIDCToken.InvalidSignature InvalidParameter.DurationSeconds
  InvalidParameter.RoleSessionName`;

function rows(text: string): string[][] {
  const lines = text.trim().replaceAll('\n  ', ' ').split('\n');
  return lines.map((line) => line.split('|').map((column) => column.trim()));
}

function rpcRows(service: string, doc: string, text: string): Row[] {
  return rows(text).map(([name = '', resource = '', params, codes]) => {
    const action = resource === '-' || resource === 'unsigned' ? resource : `${service}:${name}`;
    return {
      name,
      at: '',
      resource,
      action,
      params: words(params),
      codes: words(codes),
      doc: doc + name.toLowerCase(),
    };
  });
}

export const OSS_ROWS: Row[] = rows(OSS).map(([name = '', at = '', params, action = '', codes]) => {
  const doc = `${HELP}/oss/developer-reference/${name.toLowerCase()}`;
  return { name, at, resource: '', action, params: words(params), codes: words(codes), doc };
});
export const RPC_ROWS: Record<string, Row[]> = {
  ecs: rpcRows('ecs', `${HELP}/ecs/developer-reference/api-ecs-2014-05-26-`, ECS),
  ram: rpcRows('ram', `${HELP}/ram/developer-reference/api-ram-2015-05-01-`, RAM),
  sts: rpcRows('sts', `${HELP}/ram/developer-reference/api-sts-2015-04-01-`, STS),
};
