import { authenticateRpc } from './auth.ts';
import { newCall, type Answer, type Prepared, type RecordedRequest, type RpcCall } from './call.ts';
import { type Caller, isAllowed } from './callers.ts';
import { COPIES } from './ecs/copies.ts';
import { IMAGES } from './ecs/images.ts';
import { importImage } from './ecs/import.ts';
import { SNAPSHOTS } from './ecs/snapshots.ts';
import { TASKS } from './ecs/tasks.ts';
import { type ApiError, checkListed, fail, missing } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Target } from './hosts.ts';
import type { Oidc } from './oidc.ts';
import { RAM } from './ram.ts';
import { REGIONS, isCentral } from './regions.ts';
import { words } from './shape.ts';
import { collect } from './store.ts';
import { sts } from './sts.ts';
import { RPC_ROWS, type RpcHandlers, type RpcRow } from './table.ts';
import type { World } from './world.ts';

const COMMON = words(`Action Version Format Timestamp SignatureMethod SignatureVersion SignatureNonce SignatureType
  AccessKeyId Signature SecurityToken RegionId`);
/** What any request can be told. */
const ALWAYS = words(`NoPermission Forbidden.RAM DryRunOperation MissingParameter InvalidParameter
  InvalidClientToken.Malformed IdempotentParameterMismatch`);

const VERSIONS: Record<string, string> = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };

export function rpcError(error: ApiError, record: RecordedRequest): Answer {
  const { requestId: RequestId, host: HostId } = record;
  const Recommend = `https://api.alibabacloud.com/troubleshoot?q=${error.code}&product=${record.service}&requestId=${RequestId}`;
  return json(error.status, { RequestId, HostId, Code: error.code, Message: error.message, Recommend, ...error.extra });
}

export function json(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json;charset=utf-8' }, body: JSON.stringify(body) };
}

/** ECS, RAM and STS speak one protocol: https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism */
export class Rpc {
  readonly #world: World;
  readonly #handlers: RpcHandlers;
  readonly #nonces = new Set<string>();
  /** ClientToken: https://www.alibabacloud.com/help/en/ecs/developer-reference/how-to-ensure-idempotence */
  readonly #tokens = new Map<string, { request: string; answer: Promise<object> }>();

  constructor(world: World, oidc: Oidc) {
    this.#world = world;
    const ecs = { ImportImage: importImage, ...IMAGES, ...TASKS, ...COPIES, ...SNAPSHOTS };
    this.#handlers = { ...ecs, ...RAM, ...sts(oidc) };
  }

  async prepare(exchange: Exchange, target: Target): Promise<Prepared> {
    const { request, record } = exchange;
    const inUrl = new URL(request.url ?? '/', 'https://host').searchParams;
    const body = (await collect(exchange.body())).toString();
    const params = Object.fromEntries([...inUrl, ...new URLSearchParams(body)]);
    record.params = params;
    if (['Signature', 'AccessKeyId', 'SecurityToken', 'OIDCToken'].some((name) => inUrl.has(name)))
      record.violation = 'secret in URL';
    this.#world.seen.add(params.Signature ?? '');
    const row = RPC_ROWS[target.service]?.find(({ name }) => name === params.Action);
    // A dry run is an operation of its own to faults and record.
    const dry = params.DryRun === 'true' ? ' DryRun' : '';
    const operation = row ? `${target.service}:${row.name}${dry}` : 'unknown';
    return { operation, run: () => this.#run(record, params, target, row) };
  }

  async #run(record: RecordedRequest, params: Record<string, string>, target: Target, row: RpcRow | undefined) {
    const { service } = target;
    const world = this.#world;
    if (!row) fail('InvalidAction.NotFound');
    if (params.Version !== VERSIONS[service]) fail('InvalidVersion');
    // XML is the default format of the real services; nothing here reads it, so only JSON is answered.
    if (params.Format !== 'JSON') fail('InvalidParameter', 'The parameter Format has to be JSON here.');
    const caller =
      row.name === 'AssumeRoleWithOIDC'
        ? anonymous(world)
        : authenticateRpc(world, record.method, params, this.#nonces);
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
    const answer = await this.#once(call, row).catch((error: unknown) => checkListed(error, [...row.codes, ...ALWAYS]));
    return json(200, { ...answer, RequestId: record.requestId });
  }

  async #once(call: RpcCall, row: RpcRow): Promise<object> {
    const { ClientToken: token } = call.params;
    const run = this.#handlers[row.name] ?? fail('InvalidAction.NotFound');
    if (!token) return run(call);
    if (token.length > 64) fail('InvalidClientToken.Malformed', 'The ClientToken is longer than 64 characters.');
    const fleeting = /^(Signature.*|Timestamp|AccessKeyId|SecurityToken)$/;
    const request = JSON.stringify(
      Object.entries(call.params)
        .filter(([name]) => !fleeting.test(name))
        .sort(),
    );
    const key = [call.account.id, call.region, row.name, token].join(' ');
    const known = this.#tokens.get(key);
    if (known && known.request !== request) fail('IdempotentParameterMismatch');
    const answer = known?.answer ?? Promise.resolve(call).then(run);
    this.#tokens.set(key, { request, answer });
    answer.catch(() => this.#tokens.delete(key));
    return answer;
  }
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
  const fits = target.region === undefined ? isCentral(region) : target.region === region;
  if (!fits) fail('InvalidOperation.NotSupportedEndpoint');
}

/** Names that the operation does not know are refused, which is stricter than the real services: it finds typing errors. */
function checkNames(row: RpcRow, params: Record<string, string>, record: RecordedRequest): void {
  const known = [...COMMON, ...row.params.map((one) => one.replace('!', ''))];
  const given = new Set<string>();
  for (const [name, value] of Object.entries(params)) {
    const inTable = name.replace(/\.\d+(?=\.|$)/, '.1');
    if (value !== '') given.add(inTable);
    if (known.includes(inTable) && !['undefined', 'null', '[object Object]', 'NaN'].includes(value)) continue;
    record.violation = `parameter ${name}`;
    fail('InvalidParameter', `The parameter ${name} is not known or its value is not valid: ${value}`);
  }
  for (const name of row.params.filter((one) => one.endsWith('!'))) {
    if (!given.has(name.slice(0, -1))) missing(name.slice(0, -1));
  }
}
