import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, RecordedRequest } from './call.ts';
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';
import type { Fault } from './faults.ts';

/** The client disconnected or was disconnected. */
export class Gone extends Error {}

/** A silent client is disconnected after this much simulated time, in ms. */
const SILENCE = 60_000;
/** But never sooner than this in real time, in ms. */
const LEAST_SILENCE = 5_000;

/** One request and its answer as bytes, with the faults that affect those. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RecordedRequest;
  fault: Fault | undefined;
  readonly #clock: Clock;

  constructor(request: IncomingMessage, response: ServerResponse, record: RecordedRequest, clock: Clock) {
    this.request = request;
    this.response = response;
    this.record = record;
    this.#clock = clock;
    response.on('error', () => undefined);
  }

  async *body(whenSilent: Answer = { status: 408 }): AsyncGenerator<Buffer> {
    const { socket } = this.request;
    const silent = () => {
      this.send(whenSilent);
      socket.destroySoon();
    };
    socket.setTimeout(Math.max(SILENCE / this.#clock.speed, LEAST_SILENCE), silent);
    const before = this.fault?.when === 'after' ? undefined : this.fault;
    try {
      // Leaving the loop early must not destroy the socket, because the answer is still to be sent.
      for await (const chunk of this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.record.bytesIn += chunk.length;
        if (before?.bytes !== undefined && this.record.bytesIn >= before.bytes) await this.cut(before);
        if (before?.bytesPerSecond !== undefined)
          await this.#clock.sleep((chunk.length / before.bytesPerSecond) * 1000);
        yield before?.kind === 'corrupt' ? this.#flip(chunk) : chunk;
      }
    } catch (error) {
      throw error instanceof ApiError ? error : new Gone(String(error));
    } finally {
      socket.setTimeout(0, silent);
    }
  }

  /** Flips one bit of the first byte that arrives. */
  #flip(chunk: Buffer): Buffer {
    if (this.record.bytesIn > chunk.length) return chunk;
    const copy = Buffer.from(chunk);
    copy.writeUInt8(copy.readUInt8(0) ^ 1, 0);
    return copy;
  }

  /** Ends the connection, a stalled one after a silence. */
  async cut(fault: Fault): Promise<never> {
    const { socket } = this.request;
    if (fault.kind === 'stall') {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await (fault.seconds === undefined ? closed : Promise.race([closed, this.#clock.sleep(fault.seconds * 1000)]));
    }
    socket.destroy();
    throw new Gone(fault.kind);
  }

  send(answer: Answer): void {
    const { response, record } = this;
    if (response.headersSent || response.destroyed) return;
    const body = Buffer.from(answer.body ?? '');
    const measured = answer.status !== 204 && answer.headers?.['transfer-encoding'] === undefined;
    response.sendDate = false;
    response.writeHead(answer.status, {
      date: new Date(this.#clock.now()).toUTCString(),
      ...answer.headers,
      ...(measured && { 'content-length': answer.length ?? body.length }),
    });
    record.status = answer.status;
    const { socket } = this.request;
    if (this.fault?.kind !== 'truncated') response.end(body);
    else if (body.length === 0) socket.destroy();
    else response.write(body.subarray(0, body.length / 2), () => socket.destroy());
  }
}
