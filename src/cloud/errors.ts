/** What went wrong in the cloud, whatever the SDK threw; its text is one line and holds no signature, key or token. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  /** The service's own code, Node's code of a network error, or this action's own code in CamelCase. */
  readonly code: string;
  /** The call, such as `ecs:ImportImage`; `ramActionOf` has the RAM action that it needs. */
  readonly operation: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** How long the service asks us to wait before the next try, in ms. */
  readonly retryAfter: number | undefined;
  /** How far this machine's clock is behind the service's, in ms; known when the answer carried a date. */
  readonly clockBehind: number | undefined;

  constructor(operation: string, code: string, message: string, more: CloudErrorDetails = {}) {
    super(harmless(message), more);
    this.operation = operation;
    this.code = harmless(code);
    this.status = more.status;
    this.requestId = more.requestId === undefined ? undefined : harmless(more.requestId);
    this.retryAfter = more.retryAfter;
    this.clockBehind = more.clockBehind;
  }

  /** The same failure in other words. */
  reworded(message: string, code = this.code): CloudError {
    const { status, requestId, retryAfter, clockBehind } = this;
    return new CloudError(this.operation, code, message, { status, requestId, retryAfter, clockBehind, cause: this });
  }
}

type CloudErrorDetails = Partial<Pick<CloudError, 'status' | 'requestId' | 'retryAfter' | 'clockBehind' | 'cause'>>;

/** Several failures; the message says what they have in common. */
export class CloudErrors extends Error {
  readonly errors: CloudError[];

  constructor(message: string, errors: CloudError[]) {
    super(message);
    this.errors = errors;
  }
}

/** What is said of an answer that no service of the cloud would give. */
export const NOT_THE_SERVICE = 'the answer is not one of this service (a proxy in between?)';

/** Makes foreign text one short line without what only signer and service may know (a server echoes what it was sent). */
export function harmless(text: string): string {
  return text
    .replace(/(string to sign is|StringToSign)\b(?! \(left out\)).*$/is, '$1 (left out)')
    .replace(/https?:\/\/[^\s?,'")]+\?[^\s,'")]*/g, (url) => url.slice(0, url.indexOf('?')))
    .replace(
      /\b(Signature|AccessKeyId|SecurityToken|OIDCToken|security-token|Authorization)(=|%3D|":"|: ?)[^&\s"',]+/gi,
      '$1$2***',
    )
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
}

/** Foreign text for an error: a proxy may answer with a whole page. */
export const excerpt = (text: string): string => harmless(text).slice(0, 600);

/** The reading of HTTP answer headers that both SDKs need for a retry. */
export function timing(headers: Record<string, unknown> | undefined): { retryAfter?: number; clockBehind?: number } {
  const served = Date.parse(String(headers?.date));
  const after = String(headers?.['retry-after']);
  // Seconds, or a date (RFC 9110 section 10.2.3).
  const seconds = Number(after) || (Date.parse(after) - served) / 1000;
  return {
    ...(seconds > 0 && { retryAfter: Math.min(seconds, 60) * 1000 }),
    ...(Number.isFinite(served) && { clockBehind: served - Date.now() }),
  };
}

/** Text of anything that can be thrown. */
export function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === 'string') return thrown;
  const message = (thrown as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : 'an error without a message';
}

/** Whether it is a failure of the cloud with this code, or one of these. */
export const hasCode = (error: unknown, code: string | RegExp): error is CloudError =>
  error instanceof CloudError && (typeof code === 'string' ? error.code === code : code.test(error.code));

/** Whether a call succeeds; a failure with this code, or one of these, is no harm, any other is thrown. */
export async function succeeds(call: Promise<unknown>, harmlessCode: string | RegExp): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (hasCode(error, harmlessCode)) return false;
    throw error;
  }
}

/** Whether the caller lacks a right. */
export const isDenied = (error: unknown): error is CloudError =>
  hasCode(error, /^(Forbidden|NoPermission|AccessDenied)/);

/** OSS operations whose RAM action has another name: https://help.aliyun.com/document_detail/100680.html */
const RAM_ACTIONS: Record<string, string> = {
  'oss:InitiateMultipartUpload': 'oss:PutObject',
  'oss:UploadPart': 'oss:PutObject',
  'oss:UploadPartCopy': 'oss:PutObject',
  'oss:CompleteMultipartUpload': 'oss:PutObject',
  'oss:HeadObject': 'oss:GetObject',
  'oss:ListObjectsV2': 'oss:ListObjects',
};

/** The RAM action that an operation needs. */
export const ramActionOf = (operation: string): string => RAM_ACTIONS[operation] ?? operation;

/** No call will succeed any more: the credentials themselves are refused, or there are none. */
const LOCKED_OUT = new RegExp(
  '^(InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurityToken|SecurityTokenExpired|' +
    'AuthenticationFail|AssumeRoleDenied|MissingIdTokenPermission|IdTokenRefused|NoMetadataService|NoSuchInstanceRole)',
);
export const isLockedOut = (error: unknown): error is CloudError => hasCode(error, LOCKED_OUT);
