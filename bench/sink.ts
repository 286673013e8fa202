/**
 * An endpoint like OSS that swallows uploads, as a process of its own. It listens on one port for
 * - CONNECT to any host, answered by itself with TLS (what `HTTPS_PROXY` leads to),
 * - plain HTTP, straight or as a proxy.
 * `bench/lab.ts` forks it with its settings as JSON and asks for its counters by message.
 */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { generate } from 'selfsigned';
import { Crc64 } from '../src/oss/crc64.ts';
import { type Content, answer } from './bucket.ts';

export interface SinkSettings {
  /** Time that each request takes on the server after its last byte, in ms. */
  serverMs: number;
  /** Computes the CRC of all that arrives, as OSS does; the cost falls on this process. */
  verify: boolean;
}

export interface SinkCounters {
  requests: number;
  operations: Record<string, number>;
  connections: number;
  /** Bytes of request bodies. */
  bodyBytes: number;
  /** All that came in over TCP, with TLS and headers. */
  wireBytes: number;
  /** When the first byte of a part or object came, in ms since 1970; 0 for never. */
  firstBodyAt: number;
}

export interface SinkReady {
  port: number;
  /** PEM of the certificate to trust. */
  certificate: string;
}

const HOSTS = ['*.oss-cn-beijing.aliyuncs.com', 'oss-cn-beijing.aliyuncs.com'];
const REGIONAL_HOST = /^(?:([^.]+)\.)?oss-/;

const fresh = (): SinkCounters => ({
  requests: 0,
  operations: {},
  connections: 0,
  bodyBytes: 0,
  wireBytes: 0,
  firstBodyAt: 0,
});

let counters = fresh();
const sockets = new Map<Socket, number>();

/** Adds what `socket` has read since the last look. */
function countWire(socket: Socket): void {
  const seen = sockets.get(socket) ?? 0;
  counters.wireBytes += socket.bytesRead - seen;
  sockets.set(socket, socket.bytesRead);
}

function watch(socket: Socket): void {
  counters.connections += 1;
  sockets.set(socket, 0);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    countWire(socket);
    sockets.delete(socket);
  });
}

async function readBody(request: IncomingMessage, verify: boolean): Promise<{ content: Content; text: string }> {
  const crc = new Crc64();
  const isText = request.method === 'POST' || request.headers['content-type'] === 'application/xml';
  const text: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    counters.bodyBytes += chunk.length;
    if (isText) text.push(chunk);
    else if (counters.firstBodyAt === 0) counters.firstBodyAt = Date.now();
    if (verify) crc.update(chunk);
  });
  await once(request, 'end');
  return { content: verify ? { size, crc: crc.digest() } : { size }, text: Buffer.concat(text).toString() };
}

async function serve(request: IncomingMessage, response: ServerResponse, settings: SinkSettings): Promise<void> {
  const { content, text } = await readBody(request, settings.verify);
  const url = new URL(request.url ?? '/', 'http://plain');
  const bucket = REGIONAL_HOST.exec(request.headers.host ?? '')?.[1] ?? '';
  const { method = 'GET', headers } = request;
  const key = decodeURIComponent(url.pathname.slice(1));
  if (settings.serverMs > 0) await new Promise((done) => setTimeout(done, settings.serverMs));
  const result = answer({ method, bucket, key, query: url.searchParams, headers, content, text });
  counters.requests += 1;
  counters.operations[result.operation] = (counters.operations[result.operation] ?? 0) + 1;
  const id = counters.requests.toString(16).toUpperCase().padStart(24, '0');
  response.writeHead(result.status, { 'x-oss-request-id': id, server: 'AliyunOSS', ...result.headers });
  response.end(result.body);
}

async function main(settings: SinkSettings): Promise<void> {
  const subject = [{ name: 'commonName', value: 'upload benchmark' }];
  const names = { name: 'subjectAltName' as const, altNames: HOSTS.map((value) => ({ type: 2 as const, value })) };
  const usable = { name: 'basicConstraints' as const, cA: true };
  const pems = await generate(subject, { keyType: 'ec', algorithm: 'sha256', extensions: [usable, names] });
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that went away in the middle is its own business.
    serve(request, response, settings).catch(() => response.destroy());
  };
  // Node ends requests after 5 minutes by default, which a single PUT over a slow line exceeds.
  const patient = { requestTimeout: 0, keepAliveTimeout: 600_000 };
  const secure = https.createServer({ key: pems.private, cert: pems.cert, ...patient }, handle);
  const server = http.createServer(patient, handle);
  server.on('connection', watch);
  server.on('connect', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    secure.emit('connection', socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ready: SinkReady = { port: (server.address() as AddressInfo).port, certificate: pems.cert };
  process.send?.(ready);
  process.on('message', (message) => {
    for (const socket of sockets.keys()) countWire(socket);
    process.send?.(counters);
    if (message === 'reset') counters = fresh();
  });
}

process.on('disconnect', () => process.exit());
await main(JSON.parse(process.argv[2] ?? '') as SinkSettings);
