import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, Prepared, RecordedRequest } from './call.ts';
import { settle } from './ecs/settle.ts';
import { ApiError } from './errors.ts';
import { Exchange, Gone } from './exchange.ts';
import { type Fault, faultAnswer, takeFault } from './faults.ts';
import { type Target, resolve } from './hosts.ts';
import { metadata } from './metadata.ts';
import { Oidc } from './oidc.ts';
import { prepareOss } from './oss/dispatch.ts';
import { ossError } from './oss/answers.ts';
import { Rpc, rpcError } from './rpc.ts';
import { collect } from './store.ts';
import type { World } from './world.ts';

export type Hook = (request: RecordedRequest) => void | Promise<void>;
/** Another spelling of an answer that means the same. */
export type Spelling = (answer: Answer, request: RecordedRequest) => Answer;

/** What is done once around every operation: record, faults, hooks, errors in the dialect of the service. */
export class Gateway {
  readonly world: World;
  readonly record: RecordedRequest[] = [];
  readonly faults: Fault[] = [];
  readonly oidc: Oidc;
  readonly #rpc: Rpc;
  before?: Hook | undefined;
  after?: Hook | undefined;
  spelling?: Spelling | undefined;

  constructor(world: World) {
    this.world = world;
    this.oidc = new Oidc(world);
    this.#rpc = new Rpc(world, this.oidc);
  }

  /** A request that never reached a service. */
  note(some: Partial<RecordedRequest>): RecordedRequest {
    const record: RecordedRequest = {
      n: this.record.length + 1,
      at: this.world.clock.now(),
      host: '',
      service: 'unknown',
      operation: 'unknown',
      ramActions: [],
      method: '',
      headers: {},
      bytesIn: 0,
      status: 0,
      requestId: some.service === 'oss' ? randomBytes(12).toString('hex').toUpperCase() : randomUUID().toUpperCase(),
      secure: false,
      ...some,
    };
    this.record.push(record);
    return record;
  }

  async handle(request: IncomingMessage, response: ServerResponse, secure: boolean): Promise<void> {
    const host = (request.headers.host ?? '').toLowerCase().replace(/:\d+$/, '');
    const target = resolve(host, this.world);
    const { method = 'GET' } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const record = this.note({ host, service: target?.service ?? 'unknown', method, headers, secure });
    const exchange = new Exchange(request, response, record, this.world.clock);
    settle(this.world);
    try {
      const prepared = await this.#prepare(exchange, target, secure);
      record.operation = prepared.operation;
      exchange.fault = takeFault(this.faults, prepared.operation);
      if (exchange.fault) record.fault = exchange.fault.kind;
      await this.before?.(record);
      const answer = await this.#execute(exchange, prepared, target);
      record.status = answer.status;
      await this.after?.(record);
      exchange.send(this.spelling?.(answer, record) ?? answer);
    } catch (error) {
      record.code = 'ClientGone';
      if (!(error instanceof Gone)) record.violation = `simulator: ${String(error)}`;
      request.destroy();
      await this.after?.(record);
    } finally {
      request.resume();
    }
  }

  async #prepare(exchange: Exchange, target: Target | undefined, secure: boolean): Promise<Prepared> {
    const { record } = exchange;
    if (!target || (!secure && target.service !== 'metadata')) {
      record.violation = target ? 'plain http' : 'unknown host';
      return { operation: 'unknown', run: () => ({ status: target ? 403 : 502 }) };
    }
    if (target.service === 'oss') return prepareOss(exchange, target, this.world);
    if (target.service === 'metadata') return metadata(exchange, this.world);
    if (target.service === 'oidc') return this.oidc.prepare(exchange);
    return this.#rpc.prepare(exchange, target);
  }

  async #execute(exchange: Exchange, prepared: Prepared, target: Target | undefined): Promise<Answer> {
    const { fault, record } = exchange;
    const service = target?.service ?? 'oss';
    const inPlace = fault && !['slow', 'corrupt', 'truncated'].includes(fault.kind) && fault.bytes === undefined;
    if (inPlace && fault.when !== 'after') return this.#act(exchange, fault, service);
    if (fault?.kind === 'slow' && fault.seconds) await this.world.clock.sleep(fault.seconds * 1000);
    const answer = await Promise.resolve()
      .then(() => prepared.run())
      .catch((error: unknown) => this.#error(exchange, error, service));
    if (inPlace) return this.#act(exchange, fault, service);
    if (record.violation === undefined && record.operation === 'unknown') record.violation = 'unknown operation';
    return answer;
  }

  async #act(exchange: Exchange, fault: Fault, service: Target['service']): Promise<Answer> {
    if (fault.kind === 'reset' || fault.kind === 'stall') return exchange.cut(fault);
    // The services read what was sent before they answer, unless they refuse it by its headers.
    await collect(exchange.body());
    const taken = faultAnswer(fault, service);
    const answer = taken instanceof ApiError ? this.#error(exchange, taken, service) : taken;
    const extra: Record<string, string> = {};
    if (fault.retryAfter !== undefined) extra['retry-after'] = String(fault.retryAfter);
    // https://www.alibabacloud.com/help/en/oss/user-guide/503-error names this header.
    if (fault.kind === 'throttling' && service === 'oss') extra['x-oss-qos-delay-time'] = '1000';
    return { ...answer, headers: { ...answer.headers, ...extra } };
  }

  #error(exchange: Exchange, error: unknown, service: Target['service']): Answer {
    if (error instanceof Gone) throw error;
    const { record } = exchange;
    const known = error instanceof ApiError ? error : new ApiError('InternalError', String(error), {}, 500);
    if (known !== error)
      record.violation = `simulator: ${error instanceof Error ? (error.stack ?? '') : String(error)}`;
    record.code = known.code;
    return service === 'oss' ? ossError(known, record) : rpcError(known, record);
  }
}
