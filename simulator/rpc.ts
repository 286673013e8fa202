import { type Caller, authenticateRpc } from './auth.ts';
import { newCall, type Answer, type Prepared, type RecordedRequest, type RpcCall } from './call.ts';
import { COPIES } from './ecs/copies.ts';
import { IMAGES } from './ecs/images.ts';
import { IMPORT } from './ecs/import.ts';
import { SNAPSHOTS } from './ecs/snapshots.ts';
import { TASKS } from './ecs/tasks.ts';
import { type ApiError, checkListed, fail, missing } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { REGIONS, type Target, isCentral } from './hosts.ts';
import { isAllowed } from './policies.ts';
import { RAM } from './ram.ts';
import { words } from './shape.ts';
import { collect } from './store.ts';
import { STS } from './sts.ts';
import { RPC_ROWS, type RpcHandlers, type RpcRow } from './table.ts';
import type { World } from './world.ts';

const COMMON = words(`Action Version Format Timestamp SignatureMethod SignatureVersion SignatureNonce SignatureType
  AccessKeyId Signature SecurityToken RegionId`);
const BOOLEANS = ['DryRun', 'Encrypted', 'Force'];
/** The codes that any request can get. */
const ALWAYS = words(`NoPermission Forbidden.RAM DryRunOperation MissingParameter InvalidParameter
  InvalidClientToken.Malformed IdempotentParameterMismatch`);
const VERSIONS: Record<string, string> = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };
const HANDLERS: RpcHandlers = { ...IMPORT, ...IMAGES, ...TASKS, ...COPIES, ...SNAPSHOTS, ...RAM, ...STS };

export function rpcError(error: ApiError, record: RecordedRequest): Answer {
  const { requestId: RequestId, host: HostId } = record;
  const Recommend = `https://api.alibabacloud.com/troubleshoot?q=${error.code}&product=${record.service}&requestId=${RequestId}`;
  return json(error.status, { RequestId, HostId, Code: error.code, Message: error.message, Recommend, ...error.extra });
}

function json(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json;charset=utf-8' }, body: JSON.stringify(body) };
}

/**
 * Finds the operation of ECS, RAM or STS, which share a protocol:
 * https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
 */
export async function prepareRpc(exchange: Exchange, target: Target, world: World): Promise<Prepared> {
  const { request, record } = exchange;
  const inUrl = new URL(request.url ?? '/', 'https://host').searchParams;
  const body = (await collect(exchange.body())).toString();
  const params = Object.fromEntries([...inUrl, ...new URLSearchParams(body)]);
  record.params = params;
  if (['Signature', 'AccessKeyId', 'SecurityToken', 'OIDCToken'].some((name) => inUrl.has(name)))
    record.violation = 'secret in URL';
  world.seen.add(params.Signature ?? '');
  const row = RPC_ROWS[target.service]?.find(({ name }) => name === params.Action);
  // To faults and the record, a dry run is an operation of its own.
  const dry = params.DryRun === 'true' ? ' DryRun' : '';
  const operation = row ? `${target.service}:${row.name}${dry}` : 'unknown';
  return { operation, run: () => run(record, target, world, row) };
}

async function run(record: RecordedRequest, target: Target, world: World, row: RpcRow | undefined): Promise<Answer> {
  const { service } = target;
  const { params = {} } = record;
  if (!row) fail('InvalidAction.NotFound');
  if (params.Version !== VERSIONS[service]) fail('InvalidVersion');
  // The real services also return XML, which is their default. The SDKs here read JSON only.
  if (params.Format !== 'JSON') fail('InvalidParameter', 'The parameter Format must be JSON here.');
  const isSigned = row.name !== 'AssumeRoleWithOIDC';
  const caller = isSigned ? authenticateRpc(world, record.method, params) : anonymous(world);
  const region = params.RegionId ?? target.region ?? 'cn-hangzhou';
  if (service === 'ecs') checkEndpoint(region, target);
  checkNames(row, params, record);
  const call: RpcCall = {
    ...newCall(world, record, target, caller),
    params,
    region,
    authorize: (action, resource) => {
      record.ramActions.push(action);
      const prefix = `acs:${service}:${service === 'ecs' ? region : '*'}:${caller.account.id}:`;
      const full = resource.startsWith('acs:') ? resource : prefix + resource;
      if (!isAllowed(caller.statements, action, full)) fail(service === 'ecs' ? 'Forbidden.RAM' : 'NoPermission');
    },
  };
  if (row.resource !== '-') call.authorize(`${service}:${row.name}`, fill(row.resource, params));
  const answer = await handleOnce(call, row).catch((error: unknown) => checkListed(error, [...row.codes, ...ALWAYS]));
  return json(200, { ...answer, RequestId: record.requestId });
}

/** Calls the handler, or returns its earlier answer to the same ClientToken. */
async function handleOnce(call: RpcCall, row: RpcRow): Promise<object> {
  const { ClientToken: token } = call.params;
  const handle = HANDLERS[row.name] ?? fail('InvalidAction.NotFound');
  if (!token) return handle(call);
  if (!/^[ -~]{1,64}$/.test(token))
    fail('InvalidClientToken.Malformed', 'The ClientToken must have 1 to 64 ASCII characters.');
  const changing = /^(Signature.*|Timestamp|AccessKeyId|SecurityToken)$/;
  const request = JSON.stringify(
    Object.entries(call.params)
      .filter(([name]) => !changing.test(name))
      .sort(),
  );
  const { clientTokens } = call.world;
  const key = [call.account.id, call.region, row.name, token].join(' ');
  const known = clientTokens.get(key);
  if (known && known.request !== request) fail('IdempotentParameterMismatch');
  const answer = known?.answer ?? Promise.resolve(call).then(handle);
  clientTokens.set(key, { request, answer });
  answer.catch(() => clientTokens.delete(key));
  return answer;
}

function anonymous(world: World): Caller {
  const account = world.accounts[0] ?? world.addAccount();
  return { account, type: 'RAMUser', arn: 'anonymous', principalId: '', id: '', statements: [] };
}

function fill(resource: string, params: Record<string, string>): string {
  return resource.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '*');
}

/** https://www.alibabacloud.com/help/en/ecs/developer-reference/endpoints */
function checkEndpoint(region: string, target: Target): void {
  if (!REGIONS.includes(region)) fail('InvalidRegionId.NotFound');
  const isServed = target.region === undefined ? isCentral(region) : target.region === region;
  if (!isServed) fail('InvalidOperation.NotSupportedEndpoint');
}

/** Refuses unknown parameter names. The real services ignore them; refusing finds typing errors. */
function checkNames(row: RpcRow, params: Record<string, string>, record: RecordedRequest): void {
  const known = [...COMMON, ...row.params.map((one) => one.replace('!', ''))];
  const given = new Set<string>();
  for (const [name, value] of Object.entries(params)) {
    const inTable = name.replace(/\.\d+(?=\.|$)/, '.1');
    if (value !== '') given.add(inTable);
    const valid = !BOOLEANS.includes(name) || ['true', 'false'].includes(value);
    if (valid && known.includes(inTable) && !['undefined', 'null', '[object Object]', 'NaN'].includes(value)) continue;
    record.violation = `parameter ${name}`;
    fail('InvalidParameter', `The parameter ${name} is unknown or its value is not valid: ${value}`);
  }
  for (const name of row.params.filter((one) => one.endsWith('!'))) {
    if (!given.has(name.slice(0, -1))) missing(name.slice(0, -1));
  }
}
