import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import type { Answer, Prepared, RecordedRequest } from './call.ts';
import { settle } from './ecs/settle.ts';
import { ApiError } from './errors.ts';
import { Exchange, Gone } from './exchange.ts';
import { type Fault, faultAnswer, replacesAnswer, takeFault } from './faults.ts';
import { type Target, resolve } from './hosts.ts';
import { prepareMetadata } from './metadata.ts';
import { prepareOidc } from './oidc.ts';
import { prepareOss } from './oss/dispatch.ts';
import { ossError } from './oss/answers.ts';
import { prepareRpc, rpcError } from './rpc.ts';
import { collect } from './store.ts';
import type { World } from './world.ts';

type Hook = (request: RecordedRequest) => void | Promise<void>;
/** Another spelling of an answer that means the same. */
export type Spelling = (answer: Answer, request: RecordedRequest) => Answer;

/** Everything that is the same for all operations: record, faults, hooks, and errors in the format of the service. */
export class Gateway {
  readonly world: World;
  readonly record: RecordedRequest[] = [];
  readonly faults: Fault[] = [];
  before?: Hook | undefined;
  after?: Hook | undefined;
  spelling?: Spelling | undefined;

  constructor(world: World) {
    this.world = world;
  }

  /** Records a request. */
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
      const prepared = await this.#prepare(exchange, target);
      record.operation = prepared.operation;
      exchange.fault = takeFault(this.faults, prepared.operation);
      if (exchange.fault) record.fault = exchange.fault.kind;
      await this.before?.(record);
      const answer = await this.#execute(exchange, prepared);
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

  async #prepare(exchange: Exchange, target: Target | undefined): Promise<Prepared> {
    const { record } = exchange;
    if (!target || (!record.secure && target.service !== 'metadata')) {
      record.violation = target ? 'plain http' : 'unknown host';
      return { operation: 'unknown', run: () => ({ status: target ? 403 : 502 }) };
    }
    if (target.service === 'oss') return prepareOss(exchange, target, this.world);
    if (target.service === 'metadata') return prepareMetadata(exchange, this.world);
    if (target.service === 'oidc') return prepareOidc(exchange, this.world);
    return prepareRpc(exchange, target, this.world);
  }

  async #execute(exchange: Exchange, prepared: Prepared): Promise<Answer> {
    const { fault, record } = exchange;
    const replacing = fault && replacesAnswer(fault) ? fault : undefined;
    if (replacing && replacing.when !== 'after') return this.#act(exchange, replacing);
    if (fault?.kind === 'slow' && fault.seconds) await this.world.clock.sleep(fault.seconds * 1000);
    const answer = await Promise.resolve()
      .then(() => prepared.run())
      .catch((error: unknown) => this.#error(record, error));
    if (replacing) return this.#act(exchange, replacing);
    if (record.violation === undefined && record.operation === 'unknown') record.violation = 'unknown operation';
    return answer;
  }

  /** Does what the fault says in place of the real answer. */
  async #act(exchange: Exchange, fault: Fault): Promise<Answer> {
    if (fault.kind === 'reset' || fault.kind === 'stall') return exchange.cut(fault);
    // The services read the whole body before they answer, unless they refuse the request by its headers.
    await collect(exchange.body());
    const { record } = exchange;
    const given = faultAnswer(fault, record.service);
    const answer = given instanceof ApiError ? this.#error(record, given) : given;
    const extra: Record<string, string> = {};
    if (fault.retryAfter !== undefined) extra['retry-after'] = String(fault.retryAfter);
    // https://www.alibabacloud.com/help/en/oss/user-guide/503-error names this header.
    if (fault.kind === 'throttling' && record.service === 'oss') extra['x-oss-qos-delay-time'] = '1000';
    return { ...answer, headers: { ...answer.headers, ...extra } };
  }

  #error(record: RecordedRequest, error: unknown): Answer {
    if (error instanceof Gone) throw error;
    const known = error instanceof ApiError ? error : new ApiError('InternalError', String(error), {}, 500);
    if (known !== error) record.violation = `simulator: ${inspect(error)}`;
    record.code = known.code;
    return record.service === 'oss' ? ossError(known, record) : rpcError(known, record);
  }
}
