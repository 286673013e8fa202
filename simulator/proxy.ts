import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Server as HttpsServer, createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Certificates } from './certificates.ts';
import type { Gateway } from './gateway.ts';
import { METADATA_HOST, resolve } from './hosts.ts';

/** The HTTP(S) proxy of the runner: CONNECT for https, absolute addresses for http (RFC 9110, 9.3.6). */
export class Proxy {
  readonly #gateway: Gateway;
  readonly #user: string | undefined;
  readonly #http: Server;
  readonly #https: HttpsServer;
  readonly #sockets = new Set<Duplex>();

  constructor(gateway: Gateway, certificates: Certificates, user: string | undefined) {
    this.#gateway = gateway;
    this.#user = user;
    const patience = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 120_000 };
    const SNICallback = (host: string, done: (error: Error | null, context?: SecureContext) => void) => {
      certificates.context(host).then((context) => {
        done(null, context);
      }, done);
    };
    this.#https = createHttpsServer({ ...patience, SNICallback }, (request, response) => {
      void gateway.handle(request, response, true);
    });
    this.#https.on('tlsClientError', () => undefined);
    this.#http = createServer(patience, (request, response) => {
      this.#plain(request, response);
    });
    this.#http.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#connect(request, socket, head);
    });
    this.#http.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket)));
    });
  }

  /** @returns the port */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#http.listen(0, '127.0.0.1', () => {
        resolve((this.#http.address() as AddressInfo).port);
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #mayPass(request: IncomingMessage): boolean {
    if (this.#user === undefined) return true;
    return request.headers['proxy-authorization'] === `Basic ${Buffer.from(this.#user).toString('base64')}`;
  }

  #connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [host = '', port] = (request.url ?? '').toLowerCase().split(':');
    const known = resolve(host, this.#gateway.world) && port === '443' && host !== METADATA_HOST;
    const status = !this.#mayPass(request)
      ? '407 Proxy Authentication Required'
      : known
        ? undefined
        : '502 Bad Gateway';
    socket.on('error', () => undefined);
    if (status !== undefined) {
      const violation = status.startsWith('407') ? 'proxy credentials' : 'unknown host';
      this.#gateway.note({ host, method: 'CONNECT', status: Number(status.slice(0, 3)), violation });
      socket.end(
        `HTTP/1.1 ${status}\r\nProxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      return;
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    socket.unshift(head);
    this.#https.emit('connection', socket);
  }

  #plain(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#mayPass(request)) {
      this.#gateway.note({ host: request.headers.host ?? '', status: 407, violation: 'proxy credentials' });
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
      return;
    }
    void this.#gateway.handle(request, response, false);
  }
}
