/** A refusal of a service; status and message come from the catalogue unless given. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further elements of the answer: EC, Endpoint, StringToSign, ... */
  readonly extra: Record<string, string>;

  constructor(code: string, message?: string, extra: Record<string, string> = {}, status?: number) {
    const [knownStatus, knownMessage] = CATALOGUE.get(code) ?? [400, `The request was refused: ${code}.`];
    super(message ?? knownMessage);
    this.code = code;
    this.status = status ?? knownStatus;
    this.extra = extra;
  }
}

export function fail(code: string, message?: string, extra?: Record<string, string>, status?: number): never {
  throw new ApiError(code, message, extra, status);
}

/**
 * OSS: https://www.alibabacloud.com/help/en/oss/user-guide/error-responses
 * ECS: https://api.alibabacloud.com/document/Ecs/2014-05-26/errorCode
 * RAM: https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-errorcodes
 */
const OSS = `
403 AccessDenied You have no right to access this object because of bucket acl.
409 BucketAlreadyExists The requested bucket name is not available. The bucket namespace is shared by all users.
409 BucketNotEmpty The bucket has objects. Please delete them first.
400 EntityTooLarge Your proposed upload exceeds the maximum allowed object size.
400 EntityTooSmall Your proposed upload smaller than the minimum allowed size.
409 FileAlreadyExists The object you specified already exists and can not be overwritten.
500 InternalError We encountered an internal error. Please try again.
403 InvalidAccessKeyId The OSS Access Key Id you provided does not exist in our records.
400 InvalidBucketName The specified bucket is not valid.
400 InvalidDigest The Content-MD5 you specified is not valid.
400 InvalidObjectName The specified object is not valid.
403 InvalidObjectState The operation is not valid for the object's state.
400 InvalidPart One or more of the specified parts could not be found.
400 InvalidPartOrder The list of parts was not in ascending order.
416 InvalidRange The requested range cannot be satisfied.
403 InvalidSecurityToken The security token you provided is invalid.
400 MalformedXML The XML you provided was not well-formed or did not validate against our published schema.
411 MissingContentLength You must provide the Content-Length HTTP header.
404 NoSuchBucket The specified bucket does not exist.
404 NoSuchKey The specified key does not exist.
404 NoSuchLifecycle No Row found in Lifecycle Table.
404 NoSuchServerSideEncryptionRule The server side encryption configuration was not found.
404 NoSuchUpload The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.
404 NoSuchVersion The specified version does not exist.
501 NotImplemented A header or query you provided implies functionality that is not implemented.
403 RequestTimeTooSkewed The difference between the request time and the current time is too large.
400 RequestTimeout Your socket connection to the server was not read from or written to within the timeout period.
403 SecondLevelDomainForbidden The bucket you are attempting to access must be addressed using OSS third level domain.
403 SecurityTokenExpired The security token you provided has expired.
503 ServiceUnavailable Please reduce your request rate.
403 SignatureDoesNotMatch The request signature we calculated does not match the signature you provided. Check your key and signing method.
503 SlowDown Please reduce your request rate.`;
const ECS = `
400 DRYRUN.SUCCESS Request validation has been passed with DryRun flag set.
400 DryRunOperation Request validation has been passed with DryRun flag set.
403 Forbidden.RAM User not authorized to operate on the specified resource, or this API doesn't support RAM.
400 IdempotentParameterMismatch The request uses the same client token as a previous, but non-identical request.
403 IncorrectImageStatus The current status of the resource does not support this operation.
403 ImageIsImporting The specified image is importing.
403 ImageUseShared The specified image has been shared.
403 ImageUsingByInstance The specified image is used by instances.
400 InvalidAccessKeyId.Inactive Specified access key is disabled.
404 InvalidAccessKeyId.NotFound Specified access key is not found.
404 InvalidAccount.NotFound The specified Account does not yet exist.
403 InvalidBlockSize.NotSupport The block size of the specified VHD is not supported.
404 InvalidImageId.NotFound The specified ImageId does not exist.
403 InvalidOperation.NotSupportedEndpoint The specified endpoint can't operate this region. Please use API DescribeRegions to get the appropriate endpoint.
403 InvalidOperation.VhdImageUnsupported The image was imported from a VHD file and cannot be copied.
403 InvalidOSS.NotAuthorized Please authorize ECS to access the OSS object: the RAM role lacks the permission.
400 InvalidOSSBucket.NotFound The specified OSS bucket does not exist.
400 InvalidOSSBucket.NotMatched The specified OSS bucket is not in the region of the request.
403 InvalidOSSBucket.EncryptUnsupported ECS cannot read objects from encrypted OSS buckets.
400 InvalidOSSObject.NeedRestore The specified OSS object is archived and has to be restored first.
400 InvalidOSSObject.NotFound The specified OSS object does not exist.
400 InvalidOSSObject.Size The specified OSS object is empty.
404 InvalidRegionId.NotFound The specified RegionId does not exist.
404 InvalidSnapshotId.NotFound The specified SnapshotId does not exist.
403 InvalidTaskId.IncorrectTaskStatus The status of the specified task does not allow the operation.
400 InvalidTaskId.NotFound The specified TaskId does not exist.
403 InvalidVHDImage.IncorrectSize MaxTableEntries x BlockSize of the VHD header does not match its size.
403 NoSetRoletoECSServiceAcount The service linked role for ECS to read your OSS has not been set.
403 OperationDenied.ImageCopyConflict The image is being copied; it cannot be copied to another place at the same time.
403 OperationDenied.ImageCopying The specified image is copying.
403 QuotaExceed.Image The maximum number of images in the region is reached.
403 SnapshotCreatedImage The snapshot has been used to create an image.
403 TagKey.Duplication The Tag.N.Key contain duplicate key.`;
const COMMON = `
401 AuthenticationFail.NoPermission This operation is forbidden by the trust policy of the role, or the provider does not exist.
401 AuthenticationFail.OIDCToken.AudienceNotMatch The audience of the OIDC token does not match the provider.
401 AuthenticationFail.OIDCToken.Expired The OIDC token has expired.
401 AuthenticationFail.OIDCToken.Invalid The OIDC token is invalid.
401 AuthenticationFail.OIDCToken.InvalidSignature The signature of the OIDC token is invalid.
409 DeleteConflict.Role.Policy The role has policies attached and cannot be deleted.
409 EntityAlreadyExists.Role The role already exists.
409 EntityAlreadyExists.Role.Policy The policy is already attached to the role.
404 EntityNotExist.Policy The policy does not exist.
404 EntityNotExist.Role The role does not exist.
404 EntityNotExist.Role.Policy The policy is not attached to the role.
404 InvalidAction.NotFound Specified api is not found, please check your url and method.
400 InvalidSecurityToken.Expired Specified SecurityToken is expired.
400 InvalidSecurityToken.Malformed Specified SecurityToken is malformed.
400 InvalidTimeStamp.Expired Specified time stamp or date value is expired.
400 InvalidTimeStamp.Format Specified time stamp or date value is not well formatted.
403 NoPermission You are not authorized to do this action.
400 SignatureNonceUsed Specified signature nonce was used already.
400 Throttling.User Request was denied due to user flow control.`;

const CATALOGUE = new Map(
  [OSS, ECS, COMMON].flatMap((text) =>
    text
      .trim()
      .split('\n')
      .map((line): [string, [number, string]] => {
        const [status = '', code = '', ...message] = line.split(' ');
        return [code, [Number(status), message.join(' ')]];
      }),
  ),
);
