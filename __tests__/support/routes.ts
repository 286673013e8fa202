/**
 * A preload that redirects direct connections to this machine, without DNS: `NODE_OPTIONS=--import=<URL of this file>` with
 * `ROUTES={"<host>": <port>}`. Connections through a proxy are not affected.
 */
import { Socket } from 'node:net';

const routes = JSON.parse(process.env.ROUTES ?? '{}') as Record<string, number>;

// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its socket
Socket.prototype.connect = new Proxy(Socket.prototype.connect, {
  apply(connect, socket: Socket, args: unknown[]) {
    const [given] = args;
    const options = (Array.isArray(given) ? given[0] : given) as { host?: string; port?: number } | undefined;
    const port = routes[options?.host ?? ''];
    if (options !== undefined && port !== undefined) Object.assign(options, { host: '127.0.0.1', port });
    return Reflect.apply(connect, socket, args) as Socket;
  },
});
