import { iso } from './clock.ts';
import type { Account, Session, Statement, User } from './entities.ts';
import { ApiError, fail, missing } from './errors.ts';
import { roleStatements } from './policies.ts';
import { type OssRequest, type Signed, ossV4, rpc } from './signatures.ts';
import type { World } from './world.ts';

type Params = Record<string, string>;
const FIFTEEN_MINUTES = 15 * 60_000;

/** Who signed a request. */
export interface Caller {
  account: Account;
  type: 'RAMUser' | 'AssumedRoleUser';
  arn: string;
  principalId: string;
  /** User id or role id. */
  id: string;
  /** Each of these lists must allow an action. */
  statements: Statement[][];
}
interface Key {
  secret: string;
  caller: Caller;
  disabled: boolean;
  session?: Session;
}

function findKey(world: World, accessKeyId: string): Key | undefined {
  for (const account of world.accounts) {
    const user = account.users.find((one) => one.accessKeyId === accessKeyId);
    if (user) return { secret: user.secret, disabled: user.disabled === true, caller: asUser(account, user) };
  }
  const session = world.sessions.find((one) => one.accessKeyId === accessKeyId);
  return session && { secret: session.secret, disabled: false, session, caller: asSession(world, session) };
}

function asUser(account: Account, { id, name, statements }: User): Caller {
  const arn = `acs:ram::${account.id}:user/${name}`;
  return { account, type: 'RAMUser', arn, principalId: id, id, statements: [statements] };
}

function asSession(world: World, { account, role, name, statements: limit }: Session): Caller {
  const arn = `acs:ram::${account.id}:assumed-role/${role.name}/${name}`;
  const statements = [roleStatements(world, account, role), ...(limit ? [limit] : [])];
  return { account, type: 'AssumedRoleUser', arn, principalId: `${role.id}:${name}`, id: role.id, statements };
}

/** Who signed this request to OSS; undefined if nobody did. A V4 signature must name `region`. */
export function authenticateOss(world: World, request: OssRequest, region: string): Caller | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  if (header.startsWith('OSS4-HMAC-SHA256 ')) return byV4(world, request, header.slice(17), region);
  // Accounts that were made since 2025 have no V1 signature. The notice does not name the error code; this one is assumed.
  fail('InvalidRequest', 'The V1 signature is not available to this account. Please use V4 signature.');
}

function byV4(world: World, request: OssRequest, header: string, region: string): Caller {
  const fields = new Map(header.split(',').map((field) => cutAt(field.trim(), '=')));
  const [accessKeyId = '', ...scope] = (fields.get('Credential') ?? '').split('/');
  const [date, signedRegion, product, terminator] = scope;
  const invalid = (what: string, EC: string) =>
    fail('InvalidArgument', `Invalid ${what} in Authorization header.`, { EC });
  if (terminator !== 'aliyun_v4_request' || scope.length !== 4) invalid('Credential', '0002-00000205');
  if (product !== 'oss') invalid('signing product', '0002-00000227');
  // The message is taken from https://github.com/aliyun/alibabacloud-oss-go-sdk-v2/issues/29
  if (signedRegion !== region) invalid('signing region', '0002-00000226');
  const time = request.headers['x-oss-date'] ?? '';
  if (!time.startsWith(`${date ?? ''}T`)) invalid('signing date', '0002-00000224');
  if (request.headers['x-oss-content-sha256'] !== 'UNSIGNED-PAYLOAD') {
    fail('InvalidArgument', 'The x-oss-content-sha256 header must be UNSIGNED-PAYLOAD.', { EC: '0002-00000222' });
  }
  checkSkew(world, Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')));
  const key = ossKey(world, accessKeyId, request.headers['x-oss-security-token']);
  const additional = (fields.get('AdditionalHeaders') ?? '').split(';').filter((name) => name !== '');
  return compare(key, ossV4(request, key.secret, scope.join('/'), additional), fields.get('Signature'));
}

function cutAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function checkSkew(world: World, time: number): void {
  const now = world.clock.now();
  if (Number.isNaN(time)) fail('AccessDenied', 'OSS authentication requires a valid Date.', { EC: '0002-00000221' });
  if (Math.abs(now - time) <= FIFTEEN_MINUTES) return;
  const extra = { RequestTime: iso(time), ServerTime: iso(now), EC: '0002-00000504' };
  fail('RequestTimeTooSkewed', { MaxAllowedSkewMilliseconds: '900000', ...extra });
}

function ossKey(world: World, accessKeyId: string, token: string | undefined): Key {
  const key = findKey(world, accessKeyId);
  if (!key || (key.session && token === undefined)) fail('InvalidAccessKeyId', { OSSAccessKeyId: accessKeyId });
  if (key.disabled) fail('InvalidAccessKeyId', 'The OSS Access Key Id is disabled.');
  if (token !== undefined && token !== key.session?.token) fail('InvalidSecurityToken');
  if (key.session && key.session.expires <= world.clock.now()) fail('SecurityTokenExpired');
  return key;
}

function compare({ caller }: Key, computed: Signed, given: string | undefined): Caller {
  if (computed.signature === given) return caller;
  fail('SignatureDoesNotMatch', {
    SignatureProvided: given ?? '',
    StringToSign: computed.stringToSign,
    ...(computed.canonicalRequest !== undefined && { CanonicalRequest: computed.canonicalRequest }),
    EC: '0002-00000040',
  });
}

/** Who signed this RPC call: https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism */
export function authenticateRpc(world: World, method: string, params: Params): Caller {
  for (const name of [
    'AccessKeyId',
    'Signature',
    'SignatureMethod',
    'SignatureNonce',
    'Timestamp',
    'Version',
    'SignatureVersion',
  ]) {
    if (!params[name]) missing(name);
  }
  const { AccessKeyId = '', SecurityToken: token = '', SignatureNonce: nonce = '', Timestamp: time = '' } = params;
  const key = findKey(world, AccessKeyId);
  if (!key || (key.session && token === '')) fail('InvalidAccessKeyId.NotFound');
  if (key.disabled) fail('InvalidAccessKeyId.Inactive');
  if (token !== '' && !key.session) fail('InvalidSecurityToken.Malformed');
  if (token !== (key.session?.token ?? '')) {
    fail('InvalidSecurityToken.MismatchWithAccessKey', 'The SecurityToken does not match the AccessKeyId.');
  }
  if (key.session && key.session.expires <= world.clock.now()) fail('InvalidSecurityToken.Expired');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(time)) fail('InvalidTimeStamp.Format');
  if (Math.abs(Date.parse(time) - world.clock.now()) > FIFTEEN_MINUTES) fail('InvalidTimeStamp.Expired');
  const { stringToSign, signature } = rpc(method, params, key.secret);
  if (signature !== params.Signature) {
    const message = `Specified signature is not matched with our calculation. server string to sign is:${stringToSign}`;
    throw new ApiError('SignatureDoesNotMatch', message, {}, 400);
  }
  if (world.nonces.has(nonce)) fail('SignatureNonceUsed');
  world.nonces.add(nonce);
  return key.caller;
}
