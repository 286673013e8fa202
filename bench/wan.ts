/**
 * A slow network between a client and the sink, in a process of its own: a TCP relay to which `HTTPS_PROXY` points.
 * The CONNECT at the start stands for the TCP handshake and takes one round trip. After that, a `Flow` limits what the client
 * sends; what the sink sends is only delayed. `bench/lab.ts` forks it with its settings as JSON.
 */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { Bucket, Flow, type Line, randomFrom } from './flow.ts';

export interface WanSettings {
  line: Line;
  /** Port of the sink on this machine. */
  target: number;
}

const TICK_MS = 2;
/** How many bytes of a connection wait in the relay; the rest waits in the client's socket. */
const QUEUE = 2 ** 20;

interface Timed {
  at: number;
  bytes: Buffer;
}

class Connection {
  readonly #client: Socket;
  readonly #sink: Socket;
  readonly #flow: Flow;
  #waiting: Buffer[] = [];
  #queued = 0;
  #up: Timed[] = [];
  #down: Timed[] = [];
  #clientEnded = false;
  #sinkEnded = false;

  constructor(client: Socket, settings: WanSettings, random: () => number) {
    const { line, target } = settings;
    this.#client = client;
    this.#flow = new Flow(line, random, performance.now());
    this.#sink = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
    client.once('data', (connect) => {
      this.#sink.write(connect);
      client.on('data', (bytes) => {
        this.#enqueue(bytes);
      });
    });
    this.#sink.once('data', (established) => {
      this.#down.push({ at: performance.now() + line.rtt, bytes: established });
      this.#sink.on('data', (bytes) => this.#down.push({ at: performance.now() + line.rtt / 2, bytes }));
    });
    client.once('end', () => (this.#clientEnded = true));
    this.#sink.once('end', () => (this.#sinkEnded = true));
    for (const socket of [client, this.#sink]) {
      for (const event of ['error', 'close']) socket.once(event, this.#destroy);
    }
  }

  get hungry(): boolean {
    return this.#queued > 0;
  }

  get closed(): boolean {
    return this.#client.destroyed || this.#sink.destroyed;
  }

  readonly #destroy = (): void => {
    this.#client.destroy();
    this.#sink.destroy();
  };

  #enqueue(bytes: Buffer): void {
    if (this.#queued === 0) this.#flow.wake(performance.now());
    this.#waiting.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued > QUEUE) this.#client.pause();
  }

  /** Sends at most `share` bytes. @returns how many were sent */
  send(share: number, now: number): number {
    let left = Math.min(this.#flow.allowance(now), Math.floor(share), this.#queued);
    const total = left;
    if (total <= 0) return 0;
    const at = this.#flow.send(total, now);
    while (left > 0) {
      const [first = Buffer.alloc(0)] = this.#waiting;
      const piece = first.subarray(0, left);
      if (piece.length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(left);
      this.#up.push({ at, bytes: piece });
      left -= piece.length;
    }
    this.#queued -= total;
    if (this.#queued < QUEUE / 2) this.#client.resume();
    return total;
  }

  /** Delivers what has arrived on either side, then the ends of the streams. */
  deliver(now: number): void {
    this.#up = deliverTo(this.#sink, this.#up, now);
    this.#down = deliverTo(this.#client, this.#down, now);
    if (this.#clientEnded && this.#up.length === 0 && this.#queued === 0) this.#sink.end();
    if (this.#sinkEnded && this.#down.length === 0) this.#client.end();
  }
}

function deliverTo(socket: Socket, queue: Timed[], now: number): Timed[] {
  const due = queue.findIndex(({ at }) => at > now);
  const count = due < 0 ? queue.length : due;
  if (count === 0) return queue;
  socket.cork();
  for (const { bytes } of queue.slice(0, count)) socket.write(bytes);
  socket.uncork();
  return queue.slice(count);
}

/** One step: each connection with something to send gets an equal share of the link. */
function turn(connections: Connection[], link: Bucket, now: number): void {
  const hungry = connections.filter((connection) => connection.hungry);
  const share = link.available(now) / hungry.length;
  for (const connection of hungry) link.take(connection.send(share, now));
  for (const connection of connections) connection.deliver(now);
}

async function main(settings: WanSettings): Promise<void> {
  const random = randomFrom(settings.line.seed);
  const { line } = settings;
  const full = new Bucket(line.link, performance.now());
  const dropped = new Bucket(line.drop?.link ?? line.link, performance.now());
  let begun = 0;
  let connections: Connection[] = [];
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    connections.push(new Connection(client, settings, random));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  setInterval(() => {
    connections = connections.filter((connection) => !connection.closed);
    const now = performance.now();
    if (connections.length === 0) begun = now;
    const isDown = line.drop !== undefined && now - begun >= line.drop.from && now - begun < line.drop.until;
    turn(connections, isDown ? dropped : full, now);
  }, TICK_MS);
  process.send?.({ port: (server.address() as AddressInfo).port });
}

process.on('disconnect', () => process.exit());
await main(JSON.parse(process.argv[2] ?? '') as WanSettings);
