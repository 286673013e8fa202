/** A failure of a cloud call, whatever the SDK threw. Its message is one line without signatures, keys or tokens. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  /** Code of the service, of Node for a network error, or of this action, in CamelCase. */
  readonly code: string;
  /** The call, such as `ecs:ImportImage`. `ramActionOf` returns the RAM action that it needs. */
  readonly operation: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** How long the service asks us to wait before the next try, in ms. */
  readonly retryAfter: number | undefined;
  /** How far this machine's clock is behind the service's, in ms; undefined if the answer had no date. */
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

  /** Returns the same failure with another message. */
  reworded(message: string, code = this.code): CloudError {
    const { status, requestId, retryAfter, clockBehind } = this;
    return new CloudError(this.operation, code, message, { status, requestId, retryAfter, clockBehind, cause: this });
  }
}

type CloudErrorDetails = Partial<Pick<CloudError, 'status' | 'requestId' | 'retryAfter' | 'clockBehind' | 'cause'>>;

/** Several failures. The message says what they have in common. */
export class CloudErrors extends Error {
  readonly errors: CloudError[];

  constructor(message: string, errors: CloudError[]) {
    super(message);
    this.errors = errors;
  }
}

/** Message for an answer that the service cannot have given. */
export const NOT_THE_SERVICE = 'the answer is not one of this service (a proxy in between?)';

/** Makes foreign text one line and removes secrets from it, because services echo parts of a request. */
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

/** The beginning of foreign text, for an error: a proxy can answer with a whole page. */
export const excerpt = (text: string): string => harmless(text).slice(0, 600);

/** Reads from the headers of an answer what a retry needs. */
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

/** The message of anything that was thrown. */
export function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (typeof thrown === 'string') return thrown;
  const message = (thrown as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : 'an error without a message';
}

/** Whether this is a CloudError with this code, or with one of these. */
export const hasCode = (error: unknown, code: string | RegExp): error is CloudError =>
  error instanceof CloudError && (typeof code === 'string' ? error.code === code : code.test(error.code));

/** Whether a call succeeds. Returns false after a failure with this code, or one of these. @throws any other failure */
export async function succeeds(call: Promise<unknown>, harmlessCode: string | RegExp): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (hasCode(error, harmlessCode)) return false;
    throw error;
  }
}

/** Whether the caller lacks the right. */
export const isDenied = (error: unknown): error is CloudError =>
  hasCode(error, /^(Forbidden|NoPermission|AccessDenied)/);

/** OSS operations that need a RAM action of another name: https://help.aliyun.com/document_detail/100680.html */
const RAM_ACTIONS: Record<string, string> = {
  'oss:InitiateMultipartUpload': 'oss:PutObject',
  'oss:UploadPart': 'oss:PutObject',
  'oss:UploadPartCopy': 'oss:PutObject',
  'oss:CompleteMultipartUpload': 'oss:PutObject',
  'oss:HeadObject': 'oss:GetObject',
};

/** The RAM action that an operation needs. */
export const ramActionOf = (operation: string): string => RAM_ACTIONS[operation] ?? operation;

/** With these codes the credentials themselves are refused or missing, so no other call can succeed. */
const LOCKED_OUT = new RegExp(
  '^(InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurityToken|SecurityTokenExpired|' +
    'AuthenticationFail|AssumeRoleDenied|MissingIdTokenPermission|IdTokenRefused|NoMetadataService|NoSuchInstanceRole)',
);
export const isLockedOut = (error: unknown): error is CloudError => hasCode(error, LOCKED_OUT);
