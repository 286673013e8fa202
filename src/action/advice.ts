import { isDenied, ramActionOf, type CloudError } from '../cloud/errors.ts';

/** What a refusal means and what to do, in the words of our inputs. docs/troubleshooting.md is made from these. */
export interface Advice {
  codes: string[];
  cause: string;
  fix: string;
}

/** One line each: codes | cause | fix. */
const TABLE = `
InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive InvalidAccessKeyId | The access key does not exist or is disabled. | Check access_key; a disabled key can be enabled again under RAM > Users.
SignatureDoesNotMatch IncompleteSignature | secret_key does not belong to access_key. | Copy both again; look for a space or line break that came with them.
InvalidSecurityToken.Expired SecurityTokenExpired | The temporary credentials have expired, and from here they cannot be renewed. | Ask for new ones with a longer session (role-session-expiration of the credentials action), or set ram_role_arn and oidc_provider_arn: that session is renewed as long as needed.
InvalidSecurityToken InvalidSecurityToken.Malformed InvalidSecurityToken.MismatchWithAccessKey | Key and token do not belong together. | Pass access_key, secret_key and security_token of one session; with a key that is not temporary leave security_token empty and unset ALICLOUD_SECURITY_TOKEN and SECURITY_TOKEN.
InvalidTimeStamp.Expired RequestTimeTooSkewed | This machine's clock is wrong by more than the service allows, and setting it right for the request did not help. | Set the clock of the runner (NTP).
Forbidden.RAM Forbidden.SubUser Forbidden NoPermission AccessDenied | The RAM user or role lacks a right. | Give it the RAM action that the message names; docs/permissions.md has the policies.
InvalidAccountStatus.OSSDisabled UserDisable | OSS is not activated for this account, or was suspended. | Activate OSS in the console.
Account.Arrearage InDebt | The account has an unpaid bill. | Pay it in the Billing console and run again.
MissingIdTokenPermission | The job may not ask GitHub for an identity token. | Add to the job: permissions: { id-token: write, contents: read }. A pull request from a fork never gets one.
IdTokenRefused | GitHub refused an identity token. | Run the job again.
AuthenticationFail.NoPermission | The role's trust policy does not let this job in, or the OIDC provider is not the one it names. | Compare the trust policy's conditions oidc:iss, oidc:aud and oidc:sub with what the token says, and check ram_role_arn and oidc_provider_arn.
AuthenticationFail.OIDCToken.AudienceNotMatch | The OIDC provider does not accept the audience of the token (aud in this message). | Add it to the client ids of the OIDC provider in RAM, or set oidc_audience to one of them.
AuthenticationFail.OIDCToken.Expired AuthenticationFail.OIDCToken.Invalid AuthenticationFail.OIDCToken.InvalidSignature AuthenticationFail.OIDCToken.IssuerNotMatch EntityNotExist.OIDCProvider | The OIDC provider in RAM does not accept the token of this job. | The issuer of the provider must be the iss in this message: GitHub Enterprise Server and ghe.com have issuers of their own. Check oidc_provider_arn.
AssumeRoleDenied | These credentials may not act as the role. | Allow the caller sts:AssumeRole on it, and name the caller's account in the role's trust policy.
NoMetadataService | The runner gets no credentials from the metadata service of ECS (100.100.100.200): it is not an ECS instance, or has no RAM role. | Attach a RAM role to the instance, or name another source of credentials.
NoSuchInstanceRole | The ECS instance of the runner has another RAM role, or none. | Attach the role to the instance, or correct ram_role_name.
PublicEndpointForbidden | Accounts that activated OSS after 2025-03-20 may not move data over the public endpoints of buckets in mainland China. | Either stage elsewhere (region: cn-hongkong with a bucket there and image_copy_regions: cn-beijing, or whichever region you need), or use a self-hosted runner inside Alibaba Cloud with custom_endpoint_oss: oss-<region>-internal.aliyuncs.com, or bind a domain of yours to the bucket and pass it as custom_endpoint_oss.
NoSuchBucket | The bucket has vanished. | Run again: it is created.
BucketAlreadyExists BucketNotBelongTo BucketIsForeign | The bucket belongs to another account; bucket names are shared by everyone. | Choose another oss_bucket_name.
TooManyBuckets | The account has as many buckets in this region as it may. | Name an existing bucket in oss_bucket_name.
BucketElsewhere InvalidOSSBucket.NotMatched | ECS reads only from a bucket in its own region. | Set region to the region of the bucket, or name a bucket in region (it is created when it does not exist).
BucketEncrypted InvalidOSSBucket.EncryptUnsupported | ECS does not import from a bucket that encrypts its objects by default. | Turn the default encryption of the bucket off, or name another bucket in oss_bucket_name.
InvalidOSSBucket.NotFound InvalidOSSBucket.Malformed | ECS does not find the bucket. | Check oss_bucket_name and region.
InvalidOSSBucket.FlowLimit | OSS limits the traffic of this bucket. | Run again later.
ForeignObject FileAlreadyExists | An object under this key was not made by this run, and is not overwritten. | Remove it, or choose another oss_key_name, or leave it empty.
InvalidOSSObject.NotFound InvalidOSSObject.Malformed | ECS does not find the staged object. | Something else deleted it (a lifecycle rule?). Run again.
InvalidOSSObject.Size | The staged object is empty. | Check the file that path names.
InvalidOSSObject.NeedRestore | The staged object is in an archive storage class. | Remove the rule that archives objects in this bucket, or name another bucket.
UnsupportedSuffix.OSSObject | ECS does not take an object with this suffix. | End oss_key_name in .raw, .vhd or .qcow2, or leave it empty.
IntegrityMismatch | What lies in the bucket is not what was read from the file. | Run again; nothing was imported.
NoSetRoletoECSServiceAcount NoSetRoletoECSServiceAccount | The role with which ECS reads the bucket is missing and could not be made, or has not propagated yet. | Check import_role_name if it is set. The default role can be made by an administrator with one click: https://ram.console.aliyun.com/role/authorization?request=%7B%22Services%22%3A%5B%7B%22Service%22%3A%22ECS%22%2C%22Roles%22%3A%5B%7B%22RoleName%22%3A%22AliyunECSImageImportDefaultRole%22%2C%22TemplateId%22%3A%22ImportImage%22%7D%5D%7D%5D%7D
InvalidOSS.NotAuthorized | The import role may not read the bucket, or a bucket policy forbids it. | Attach the policy AliyunECSImageImportRolePolicy to the role (oss:GetObject, oss:GetBucketInfo, oss:GetBucketLocation).
ObjectReplaced | Somebody replaced or deleted the staged object while ECS read it. | Do not use the image in this message. Delete it, and run again with a key that nobody else writes to: leave oss_key_name empty.
RoleHasOwnPolicy | The import role has a policy of your own, which was not touched, and ECS may not read the object with it. | Add the statement in this message to that policy.
RoleTrustsNotEcs | The import role exists, but ECS may not assume it. Its trust policy is yours and was not touched. | Add the statement in this message to its trust policy.
EntityNotExist.Role | The RAM role does not exist. | Check import_role_name.
InvalidImageName.Duplicated | An image of this account in this region has the name already. | Set image_force_delete: true to replace it, or choose another image_name.
InvalidImageName.Malformed | ECS does not take the name. | Choose another image_name.
ImageIsImporting | An import of this image is under way. | Wait for it, or cancel it under ECS > Tasks.
QuotaExceed.Image QuotaExceed.Snapshot | The account has as many images in this region as it may. | Delete images, or ask for more in the Quota Center.
InvalidImageSize InvalidDataDiskSize | The disk size does not fit the image. | Set image_system_size to at least the size of the disk inside the file, in GiB.
InvalidImageFormat.Malformed ImportImageFailed InvalidFormat.Malformed | ECS cannot read the file as an image. | Check format, and the file with: qemu-img check
InvalidImageFormat.RegionNotSupported | ECS does not take this format in this region. | Convert the file: qemu-img convert -O raw
InvalidVHDImage.IncorrectSize InvalidBlockSize.NotSupport | The header of the VHD does not fit its size. | Convert it again: qemu-img convert -O vpc -o subformat=dynamic,force_size
InvalidBootMode.Malformed InvalidBootMode.NotSupport | ECS does not take this boot mode for the image. | arm64 images boot by UEFI only.
InvalidArchitecture.PlatformUnsupported InvalidArchitecture.Malformed InvalidPlatform.Malformed InvalidOSType.Malformed | Operating system, platform and architecture do not go together. | Check image_os_type, image_platform and image_architecture.
InvalidDescription.Malformed | ECS does not take the description. | Change image_description.
InvalidLicenseType.NotSupported InvalidLicenseType.BYOLOnly | The Windows licence cannot be chosen like this. | Check image_os_type and image_platform.
InvalidRegionId.NotFound InvalidRegion.NotSupport RegionId.NotFound | The region does not exist or cannot import images. | Check region.
TagKey.Duplication | Two tags have the same key. | Check tags.
BadProfile | The profile or its file cannot be used; the message says why. | Correct profile or shared_credentials_file, or run aliyun configure again on the runner.
FileChanged | The file was written to while it was read. | Run the import after the step that writes the file has ended.
OutOfTime | The time for this work is over. | Run again; what is left is named in the log.
ShareIncomplete | The image is ready, but ECS does not list every account that it was shared with. | Check the ids in image_share_account, and share the image with the missing accounts in the console.
SwapUnsettled | Something else changed the names of the old or the new image at the same time. | See which image holds the name in the ECS console, then run again with image_force_delete: true.
WaitTimedOut | The image was not ready in time. The import continues, and image, task and object stay. | Re-run the job: it resumes the same import. Raise timeout_minutes for next time.
Throttling Throttling.User Throttling.Api Rejected.Throttling | Too many calls for this account. | Run again later.
ENOTFOUND EAI_AGAIN ECONNREFUSED ECONNRESET EHOSTUNREACH ENETUNREACH ETIMEDOUT EPIPE Timeout Stalled ConnectionLost | The service was not reached. | Check the network of the runner, region, and HTTPS_PROXY.
InvalidProxy | Requests would silently go without the proxy. | Write it as http://user:password@host:port, with %40 for an @ in the password.
ProxyNeedsNewerRunner | The Node of this runner is older than 24.5, the first version whose requests can use a proxy. | Update the self-hosted runner to 2.328.0 or later. If the cloud can be reached without the proxy, empty HTTPS_PROXY for this step.
ERR_PROXY_TUNNEL | The proxy of HTTPS_PROXY refused the connection. | Check user and password in it, allow the host in the proxy, or name the host in NO_PROXY.
UnexpectedAnswer | Something between runner and cloud answered in place of the service. | Check HTTPS_PROXY and the custom endpoints.
`;

export const ADVICE: Advice[] = TABLE.trim()
  .split('\n')
  .map((row) => {
    const [codes = '', cause = '', fix = ''] = row.split(' | ');
    return { codes: codes.split(' '), cause, fix };
  });

/** The entry for a code, if there is one. */
export function adviceFor(code: string): Advice | undefined {
  return ADVICE.find(({ codes }) => codes.includes(code));
}

/** One sentence each: what failed with which code, why, what to do, and the RequestId for a ticket. */
export function explain(error: CloudError): string {
  const advice = adviceFor(error.code);
  const parts = [
    `${error.operation} failed: ${error.code}: ${sentence(error.message)}`,
    ...(isDenied(error) ? [`The RAM action that is missing: ${ramActionOf(error.operation)}.`] : []),
    ...(advice === undefined ? [] : [advice.cause, advice.fix]),
    ...(error.requestId === undefined ? [] : [`(RequestId ${error.requestId})`]),
  ];
  return parts.join(' ');
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
