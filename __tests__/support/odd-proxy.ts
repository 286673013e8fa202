import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';

/** How a proxy in front of the simulator's own behaves. */
export interface OddProxy {
  /** Its answer to CONNECT, sent byte by byte; the simulator's own when absent. */
  greeting?: string;
  /** The statuses with which it refuses the first connections, in order. */
  refusals?: string[];
  /** Resets a tunnel that is used again after it was idle for longer than this, in ms of simulated time. */
  forgets?: number;
  /** Sends the client at most this many bytes at a time. */
  pieces?: number;
  /** Address to listen on. */
  host?: string;
}

/** Opens such a proxy in front of the simulator's. It is closed when the test ends. @returns its URL */
export async function openOddProxy({ proxy, now }: Simulator, ways: OddProxy): Promise<string> {
  const { hostname, port } = new URL(proxy);
  const { refusals = [], greeting, forgets = Infinity, pieces = Infinity, host = '127.0.0.1' } = ways;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const refusal = refusals.shift();
    if (refusal !== undefined) {
      client.once('data', () => client.end(`HTTP/1.1 ${refusal}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`));
      client.on('error', () => undefined);
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    let last = now();
    client.on('data', (bytes: Buffer) => {
      if (now() - last > forgets) client.resetAndDestroy();
      else upstream.write(bytes);
    });
    upstream.once('data', (head: Buffer) => {
      const rest = head.subarray(head.indexOf('\r\n\r\n') + 4);
      for (const byte of greeting ?? '') client.write(byte);
      client.write(greeting === undefined ? head : rest);
      upstream.on('data', (bytes: Buffer) => {
        last = now();
        for (let at = 0; at < bytes.length; at += Math.min(pieces, bytes.length))
          client.write(bytes.subarray(at, at + pieces));
      });
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
