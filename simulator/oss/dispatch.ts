import { authenticateOss } from '../auth.ts';
import type { Answer, OssCall } from '../call.ts';
import { decide, isAllowed } from '../callers.ts';
import { Bucket } from '../entities.ts';
import { ApiError, checkListed, fail } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway, Prepared } from '../gateway.ts';
import type { Target } from '../hosts.ts';
import { isMainland } from '../regions.ts';
import type { OssRequest } from '../signatures.ts';
import { collect } from '../store.ts';
import { OSS_ROWS, type OssHandlers, type OssRow } from '../table.ts';
import { ossError } from './answers.ts';
import { BUCKETS } from './buckets.ts';
import { LISTS } from './lists.ts';
import { MULTIPART } from './multipart.ts';
import { OBJECTS } from './objects.ts';

const HANDLERS: OssHandlers = { ...BUCKETS, ...OBJECTS, ...LISTS, ...MULTIPART };
/** What any request can be told. */
const ALWAYS = ['NoSuchBucket', 'AccessDenied', 'InvalidArgument', 'RequestTimeout'];

/** The row whose method, place, query parameters and headers fit; of several, the one that needs the most of them. */
function findRow(method: string, place: string, query: Record<string, string>, headers: Record<string, string>) {
  const fitting = OSS_ROWS.filter(({ at, params }) => {
    const [itsMethod, itsPlace, ...needed] = at;
    if (method !== itsMethod || place !== itsPlace) return false;
    const known = [...needed, ...params];
    return (
      needed.every((name) => name in (name.startsWith('x-oss-') ? headers : query)) &&
      Object.keys(query).every((name) => known.includes(name))
    );
  });
  return fitting.sort((a, b) => b.at.length - a.at.length)[0];
}

/** Works out which operation of OSS is meant; authentication comes when it runs. */
export function prepareOss(exchange: Exchange, target: Target, gateway: Gateway): Prepared {
  const { request, record } = exchange;
  const { pathname, pairs } = parse(request.url ?? '/');
  const key = decodeURIComponent(pathname.slice(1));
  const query = Object.fromEntries(pairs);
  const { bucket } = target;
  Object.assign(record, { query, ...(bucket !== undefined && { bucket }), ...(key !== '' && { key }) });
  gateway.seen.add(/(?:Signature=|^OSS [^:]+:)(\S+)$/.exec(record.headers.authorization ?? '')?.[1] ?? '');
  const place = bucket === undefined ? 'service' : key === '' ? 'bucket' : 'object';
  const row = findRow(record.method, place, query, record.headers);
  const signed: OssRequest = { method: record.method, bucket, key, query: pairs, headers: record.headers };
  const operation = row ? `oss:${row.name}` : 'unknown';
  return { operation, run: () => run(exchange, gateway, target, row, signed) };
}

function parse(url: string): { pathname: string; pairs: [string, string][] } {
  const at = url.includes('?') ? url.indexOf('?') : url.length;
  const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
  const pairs = url
    .slice(at + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const [name = '', ...value] = pair.split('=');
      return [decode(name), decode(value.join('='))];
    });
  return { pathname: url.slice(0, at), pairs };
}

async function run(exchange: Exchange, gateway: Gateway, target: Target, row: OssRow | undefined, signed: OssRequest) {
  const { world } = gateway;
  const { record } = exchange;
  const bucket = signed.bucket === undefined ? undefined : world.bucket(signed.bucket);
  const owner = world.accounts.find(({ id }) => id === bucket?.owner);
  const region = target.region ?? bucket?.region ?? 'cn-hangzhou';
  if (signed.bucket === undefined && signed.key !== '') fail('SecondLevelDomainForbidden');
  const caller = authenticateOss(world, signed, region, owner?.signatureV1 ?? true);
  if (!caller) fail('AccessDenied', 'Anonymous user has no right to access this bucket.', { EC: '0003-00000001' });
  if (!row) fail('NotImplemented');
  if (signed.bucket !== undefined && row.name !== 'PutBucket') checkBucket(bucket, target, row, gateway);
  const call: OssCall = {
    ...gateway.call(record, target, caller),
    headers: record.headers,
    query: record.query ?? {},
    bucket: bucket ?? Object.assign(new Bucket(), { name: signed.bucket ?? '', region, owner: caller.account.id }),
    key: signed.key ?? '',
    body: () => exchange.body(ossError(new ApiError('RequestTimeout'), record)),
    text: async () => (await collect(call.body())).toString(),
    authorize: (action, resource) => {
      authorize(
        call,
        row.name === 'PutBucket' ? undefined : world.bucket(resource.split('/')[0] ?? ''),
        action,
        resource,
      );
    },
  };
  call.authorize(row.action, place(call));
  return Promise.resolve()
    .then((): Answer | Promise<Answer> => (HANDLERS[row.name] ?? fail('NotImplemented'))(call))
    .catch((error: unknown) => checkListed(error, [...row.codes, ...ALWAYS]));
}

function place({ bucket, key }: OssCall): string {
  return bucket.name === '' ? '*' : key === '' ? bucket.name : `${bucket.name}/${key}`;
}

/** https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints */
function checkBucket(bucket: Bucket | undefined, target: Target, row: OssRow, gateway: Gateway): void {
  if (!bucket) fail('NoSuchBucket', { BucketName: target.bucket ?? '', EC: '0015-00000101' });
  // GetBucketInfo may be called through the endpoint of any region.
  if (target.region !== undefined && target.region !== bucket.region && row.name !== 'GetBucketInfo') {
    const message =
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.';
    fail('AccessDenied', message, {
      Bucket: bucket.name,
      Endpoint: `oss-${bucket.region}.aliyuncs.com`,
      EC: '0003-00001403',
    });
  }
  const { kind } = target;
  // The documentation names no code for a bucket without acceleration; AccessDenied stands in for it.
  if ((kind === 'accelerate' || kind === 'overseas') && !bucket.accelerated) {
    fail('AccessDenied', 'Transfer acceleration is not enabled for this bucket.');
  }
  if (kind === 'overseas' && isMainland(bucket.region)) fail('AccessDenied', 'The bucket is in the mainland.');
  const owner = gateway.world.accounts.find(({ id }) => id === bucket.owner);
  // Whether the acceleration endpoints are forbidden too is not documented; they are left open here.
  // The operations on data, as opposed to those that manage buckets.
  if (
    !row.name.includes('Bucket') &&
    owner?.publicEndpointForbidden &&
    kind === 'public' &&
    isMainland(bucket.region)
  ) {
    const message = 'Not allowed using the OSS public endpoint, please use CNAME instead.';
    fail('PublicEndpointForbidden', message, { EC: '0048-00000401' });
  }
}

/** RAM policy of the caller and policy of the bucket: https://www.alibabacloud.com/help/en/oss/user-guide/access-control */
function authorize(call: OssCall, bucket: Bucket | undefined, action: string, resource: string): void {
  const { caller } = call;
  call.record.ramActions.push(action);
  const owner = bucket?.owner ?? caller.account.id;
  const full = `acs:oss:oss-${bucket?.region ?? call.bucket.region}:${owner}:${resource}`;
  const byBucket = bucket && decide(bucket.policy, action, full);
  if (byBucket === 'Deny') fail('AccessDenied', 'Access denied by bucket policy.', { EC: '0003-00000001' });
  if (owner !== caller.account.id && byBucket !== 'Allow') {
    fail('AccessDenied', 'The bucket you access does not belong to you.', { EC: '0003-00000001' });
  }
  if (isAllowed(caller.statements, action, full)) return;
  const extra = { AuthAction: action, AuthPrincipalType: caller.type, EC: '0003-00000001' };
  fail('AccessDenied', 'You have no right to access this object because of bucket acl.', extra);
}
