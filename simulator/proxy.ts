import { once } from 'node:events';
import { type IncomingMessage, STATUS_CODES, createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Certificates } from './certificates.ts';
import type { Gateway } from './gateway.ts';
import { METADATA_HOST, resolve } from './hosts.ts';

/** Node ends slow requests by default, which a large upload over a slow network is. */
const TIMEOUTS = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 120_000 };
const CHALLENGE = 'Basic realm="proxy"';

/**
 * Opens the HTTP(S) proxy of the runner: CONNECT for https, absolute URLs for http (RFC 9110, 9.3.6).
 * @param user `user:password` that Proxy-Authorization must contain
 */
export async function openProxy(gateway: Gateway, certificates: Certificates, user?: string) {
  const sockets = new Set<Socket>();
  let closedBytes = 0;
  const login = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`;
  const isKnownUser = ({ headers }: IncomingMessage) => login === undefined || headers['proxy-authorization'] === login;

  const SNICallback = (host: string, done: (error: Error | null, context?: SecureContext) => void) => {
    certificates.context(host).then((context) => {
      done(null, context);
    }, done);
  };
  const https = createHttpsServer({ ...TIMEOUTS, SNICallback }, (request, response) => {
    void gateway.handle(request, response, true);
  });
  https.on('tlsClientError', () => undefined);

  const http = createServer(TIMEOUTS, (request, response) => {
    if (isKnownUser(request)) return void gateway.handle(request, response, false);
    gateway.note({ host: request.headers.host ?? '', status: 407, violation: 'proxy credentials' });
    response.writeHead(407, { 'proxy-authenticate': CHALLENGE }).end();
  });
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      closedBytes += socket.bytesRead;
    });
  });
  http.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const [host = '', port] = (request.url ?? '').toLowerCase().split(':');
    socket.on('error', () => undefined);
    const refuse = (status: number, violation: string) => {
      gateway.note({ host, method: 'CONNECT', status, violation });
      const headers = `Proxy-Authenticate: ${CHALLENGE}\r\nContent-Length: 0\r\nConnection: close\r\n`;
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers}\r\n`);
    };
    if (!isKnownUser(request)) {
      refuse(407, 'proxy credentials');
    } else if (!resolve(host, gateway.world) || port !== '443' || host === METADATA_HOST) {
      refuse(502, 'unknown host');
    } else {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.unshift(head);
      https.emit('connection', socket);
    }
  });

  await once(http.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    /** How many bytes have been received over TCP. */
    bytesRead: () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, closedBytes),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
