import { words } from './shape.ts';

/** A refusal of a service. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further elements of the answer: EC, Endpoint, StringToSign, ... */
  readonly extra: Record<string, string>;

  constructor(code: string, message?: string, extra: Record<string, string> = {}, status?: number) {
    super(message ?? `The request was refused: ${code.replace(/[.]?([A-Z][a-z])/g, ' $1').trim()}.`);
    this.code = code;
    this.status = status ?? statusOf(code);
    this.extra = extra;
  }
}

/** Refuses the request. A text is the message, an object holds further elements of the answer. */
export function fail(code: string, ...details: (string | Record<string, string>)[]): never {
  const message = details.find((one) => typeof one === 'string');
  const extra = details.find((one) => typeof one === 'object');
  throw new ApiError(code, message, extra);
}

export function missing(name: string): never {
  const message = `The input parameter "${name}" that is mandatory for processing this request is not supplied.`;
  throw new ApiError('MissingParameter', message);
}

/** Throws the error; one that the row of the operation does not list is a defect of the simulator. */
export function checkListed(error: unknown, codes: string[]): never {
  if (error instanceof ApiError && !codes.includes(error.code)) {
    throw new Error(`${error.code} is not in the row of the operation`, { cause: error });
  }
  throw error;
}

/**
 * The codes whose HTTP status is not 400. The text of most messages differs from the real one.
 * OSS: https://www.alibabacloud.com/help/en/oss/user-guide/error-responses
 * ECS: https://api.alibabacloud.com/document/Ecs/2014-05-26/errorCode
 * RAM and STS: https://www.alibabacloud.com/help/en/ram/developer-reference/api-ram-2015-05-01-errorcodes
 */
const BY_STATUS: Record<number, string> = {
  401: `AuthenticationFail.NoPermission AuthenticationFail.OIDCToken.AudienceNotMatch
    AuthenticationFail.OIDCToken.Expired AuthenticationFail.OIDCToken.Invalid
    AuthenticationFail.OIDCToken.InvalidSignature`,
  403: `AccessDenied InvalidAccessKeyId InvalidObjectState InvalidSecurityToken RequestTimeTooSkewed
    SecondLevelDomainForbidden SecurityTokenExpired SignatureDoesNotMatch Forbidden.RAM NoPermission
    IncorrectImageStatus ImageIsImporting ImageUseShared ImageUsingByInstance InvalidBlockSize.NotSupport
    InvalidOperation.NotSupportedEndpoint InvalidOperation.VhdImageUnsupported InvalidOperation.EncryptedImage
    InvalidOSS.NotAuthorized InvalidOSSBucket.EncryptUnsupported InvalidTaskId.IncorrectTaskStatus
    InvalidVHDImage.IncorrectSize MissingParameter.DiskDeviceMapping NoSetRoletoECSServiceAcount
    OperationDenied.ImageCopyConflict OperationDenied.ImageCopying QuotaExceed.Image QuotaExceed.ImageShare
    SnapshotCreatedImage TagKey.Duplication`,
  404: `NoSuchBucket NoSuchKey NoSuchWORMConfiguration NoSuchUpload NoSuchVersion EntityNotExist.Policy EntityNotExist.Role
    InvalidAccessKeyId.NotFound InvalidAccount.NotFound InvalidAction.NotFound InvalidImageId.NotFound
    InvalidRegionId.NotFound InvalidSnapshotId.NotFound`,
  409: `BucketAlreadyExists BucketNotEmpty FileImmutable FileAlreadyExists EntityAlreadyExists.Role EntityAlreadyExists.Role.Policy`,
  411: 'MissingContentLength',
  416: 'InvalidRange',
  500: 'InternalError',
  501: 'NotImplemented',
  503: 'ServiceUnavailable SlowDown',
};
function statusOf(code: string): number {
  const found = Object.entries(BY_STATUS).find(([, codes]) => words(codes).includes(code));
  return Number(found?.[0] ?? 400);
}
