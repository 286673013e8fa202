import { authenticateOss } from '../auth.ts';
import { newCall, type OssCall, type Prepared } from '../call.ts';
import { type Account, Bucket } from '../entities.ts';
import { ApiError, checkListed, fail } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { type Target, isMainland, locationOf } from '../hosts.ts';
import { decide, isAllowed } from '../policies.ts';
import type { OssRequest } from '../signatures.ts';
import { collect } from '../store.ts';
import { OSS_ROWS, type OssHandlers, type OssRow } from '../table.ts';
import type { World } from '../world.ts';
import { ossError, withCommonHeaders } from './answers.ts';
import { BUCKETS } from './buckets.ts';
import { MULTIPART } from './multipart.ts';
import { OBJECTS } from './objects.ts';

const HANDLERS: OssHandlers = { ...BUCKETS, ...OBJECTS, ...MULTIPART };
/** The codes that any request can get. */
const ALWAYS = ['NoSuchBucket', 'AccessDenied', 'InvalidArgument', 'RequestTimeout'];

/** The row that matches method, place, query parameters and headers; of several rows, the most specific one. */
function findRow(method: string, place: string, query: Record<string, string>, headers: Record<string, string>) {
  const matching = OSS_ROWS.filter(({ at, params }) => {
    const [itsMethod, itsPlace, ...needed] = at;
    if (method !== itsMethod || place !== itsPlace) return false;
    const known = [...needed, ...params];
    return (
      needed.every((name) => name in (name.startsWith('x-oss-') ? headers : query)) &&
      Object.keys(query).every((name) => known.includes(name))
    );
  });
  return matching.sort((a, b) => b.at.length - a.at.length)[0];
}

/** Finds the operation of OSS. The request is authenticated when it runs. */
export function prepareOss(exchange: Exchange, target: Target, world: World): Prepared {
  const { request, record } = exchange;
  const [pathname = '', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const pairs = [...new URLSearchParams(search)];
  const key = decodeURIComponent(pathname.slice(1));
  const query = Object.fromEntries(pairs);
  const { bucket } = target;
  Object.assign(record, { query, ...(bucket !== undefined && { bucket }), ...(key !== '' && { key }) });
  world.seen.add(/(?:Signature=|^OSS [^:]+:)(\S+)$/.exec(record.headers.authorization ?? '')?.[1] ?? '');
  const place = bucket === undefined ? 'service' : key === '' ? 'bucket' : 'object';
  const row = findRow(record.method, place, query, record.headers);
  const signed: OssRequest = { method: record.method, bucket, key, query: pairs, headers: record.headers };
  const operation = row ? `oss:${row.name}` : 'unknown';
  return { operation, run: () => run(exchange, world, target, row, signed) };
}

async function run(exchange: Exchange, world: World, target: Target, row: OssRow | undefined, signed: OssRequest) {
  const { record } = exchange;
  const { bucket: name, key = '' } = signed;
  const bucket = name === undefined ? undefined : world.bucket(name);
  const owner = world.accounts.find(({ id }) => id === bucket?.owner);
  const region = target.region ?? bucket?.region ?? 'cn-hangzhou';
  if (name === undefined && key !== '') fail('SecondLevelDomainForbidden');
  const caller = authenticateOss(world, signed, region);
  if (!caller) deny('Anonymous user has no right to access this bucket.');
  if (!row) fail('NotImplemented');
  if (name !== undefined && row.name !== 'PutBucket') checkBucket(bucket, owner, target, row);
  const call: OssCall = {
    ...newCall(world, record, target, caller),
    headers: record.headers,
    query: record.query ?? {},
    bucket: bucket ?? Object.assign(new Bucket(), { name: name ?? '', region, owner: caller.account.id }),
    key,
    body: () => exchange.body(ossError(new ApiError('RequestTimeout'), record)),
    text: async () => (await collect(call.body())).toString(),
    authorize: (action, resource) => {
      const there = row.name === 'PutBucket' ? undefined : world.bucket(resource.split('/')[0] ?? '');
      authorize(call, there, action, resource);
    },
  };
  call.authorize(row.action, place(call));
  const handle = HANDLERS[row.name] ?? fail('NotImplemented');
  const answer = Promise.resolve(call).then(handle);
  return withCommonHeaders(
    await answer.catch((error: unknown) => checkListed(error, [...row.codes, ...ALWAYS])),
    record,
  );
}

function place({ bucket, key }: OssCall): string {
  return bucket.name === '' ? '*' : key === '' ? bucket.name : `${bucket.name}/${key}`;
}

/** https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints */
function checkBucket(bucket: Bucket | undefined, owner: Account | undefined, target: Target, row: OssRow): void {
  if (!bucket) fail('NoSuchBucket', { BucketName: target.bucket ?? '', EC: '0015-00000101' });
  // GetBucketInfo may be called through the endpoint of any region.
  if (target.region !== undefined && target.region !== bucket.region && row.name !== 'GetBucketInfo') {
    const Endpoint = `${locationOf(bucket.region)}.aliyuncs.com`;
    const message =
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.';
    fail('AccessDenied', message, { Bucket: bucket.name, Endpoint, EC: '0003-00001403' });
  }
  const { kind } = target;
  // The code for a bucket without acceleration is not documented; AccessDenied is assumed.
  if (kind === 'accelerate' && !bucket.accelerated) {
    fail('AccessDenied', 'Transfer acceleration is not enabled for this bucket.');
  }
  // The operations on data, as opposed to those that manage buckets.
  const onData = !row.name.includes('Bucket');
  // It is not documented whether the acceleration endpoints are forbidden too; here they are allowed.
  if (onData && owner?.publicEndpointForbidden && kind === 'public' && isMainland(bucket.region)) {
    const message = 'Not allowed using the OSS public endpoint, please use CNAME instead.';
    fail('PublicEndpointForbidden', message, { EC: '0048-00000401' });
  }
}

function deny(message: string, extra: Record<string, string> = {}): never {
  fail('AccessDenied', message, { ...extra, EC: '0003-00000001' });
}

/** Checks the RAM policy of the caller and the bucket policy: https://www.alibabacloud.com/help/en/oss/user-guide/access-control */
function authorize(call: OssCall, bucket: Bucket | undefined, action: string, resource: string): void {
  const { caller } = call;
  call.record.ramActions.push(action);
  const owner = bucket?.owner ?? caller.account.id;
  const full = `acs:oss:oss-${bucket?.region ?? call.bucket.region}:${owner}:${resource}`;
  const byBucket = bucket && decide(bucket.policy, action, full);
  if (byBucket === 'Deny') deny('Access denied by bucket policy.');
  if (owner !== caller.account.id && byBucket !== 'Allow') deny('The bucket you access does not belong to you.');
  if (isAllowed(caller.statements, action, full)) return;
  const extra = { AuthAction: action, AuthPrincipalType: caller.type };
  deny('You have no right to access this object because of bucket acl.', extra);
}
