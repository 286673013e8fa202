import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** How a proxy in front of the simulator's own behaves. */
export interface Line {
  /** What it answers to CONNECT before it opens the tunnel; cut into single bytes. */
  greeting?: string;
  /** The status of its first answers, in order. */
  refusals?: string[];
  /** A tunnel that was idle for so long, in ms of the wall clock, is reset when it is used again. */
  forgets?: number;
  /** At most so many bytes at a time towards the client. */
  pieces?: number;
  /** Address to listen on. */
  host?: string;
}

/** Opens such a proxy in front of another; closed when the test ends. @returns its URL */
export async function openLine(proxy: string, line: Line): Promise<string> {
  const { hostname, port } = new URL(proxy);
  const { refusals = [], greeting, forgets = Infinity, pieces = Infinity, host = '127.0.0.1' } = line;
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
    let last = performance.now();
    client.on('data', (bytes: Buffer) => {
      if (performance.now() - last > forgets) client.resetAndDestroy();
      else upstream.write(bytes);
    });
    upstream.once('data', (head: Buffer) => {
      const rest = head.subarray(head.indexOf('\r\n\r\n') + 4);
      for (const byte of greeting ?? '') client.write(byte);
      client.write(greeting === undefined ? head : rest);
      upstream.on('data', (bytes: Buffer) => {
        last = performance.now();
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
