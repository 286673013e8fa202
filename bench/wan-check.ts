/**
 * Checks the emulated line: compares the rate of plain streams with the expected rate.
 * The expected rates are those of the reference emulator. For the lossy lines they are above the 0.41 and 0.09 MB/s of the
 * steady-state formulas (CUBIC 1.05 * rtt^0.75 / p^0.75, Reno 1.22 / sqrt(p) segments per round trip, losses once per
 * window), because a window is reduced once however many of its segments are lost.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type Line, UNCAPPED } from './flow.ts';
import { WAN, message, start } from './lab.ts';

interface Check {
  what: string;
  line: Omit<Line, 'rtt' | 'seed'>;
  streams: number;
  /** MB/s of each stream after the ramp. */
  expected: number;
}

const SECONDS = 60;
const RAMP_SECONDS = 10;
const TOLERANCE = 0.2;

const CHECKS: Check[] = [
  { what: 'cap 4 MB/s', line: { perConnection: 4e6, link: 50e6, loss: 0 }, streams: 1, expected: 3.95 },
  {
    what: 'cap 4 MB/s, link 50 MB/s',
    line: { perConnection: 4e6, link: 50e6, loss: 0 },
    streams: 32,
    expected: 50 / 32,
  },
  { what: 'loss 0.1 %', line: { perConnection: UNCAPPED, link: UNCAPPED, loss: 0.001 }, streams: 12, expected: 0.47 },
  { what: 'loss 1 %', line: { perConnection: UNCAPPED, link: UNCAPPED, loss: 0.01 }, streams: 12, expected: 0.115 },
];

/** Streams end when the line is closed. */
const ignore = (): void => undefined;

/** Opens a tunnel and sends as fast as possible. @returns how long it took to open, in ms */
async function stream(port: number): Promise<number> {
  const began = performance.now();
  const socket = net.connect(port, '127.0.0.1');
  socket.write('CONNECT sink:443 HTTP/1.1\r\n\r\n');
  await once(socket, 'data');
  const handshake = performance.now() - began;
  const bytes = Buffer.alloc(64 * 1024);
  const pump = (): void => {
    while (socket.write(bytes));
  };
  socket.on('error', ignore).on('drain', pump);
  pump();
  return handshake;
}

async function run({ what, line, streams, expected }: Check): Promise<boolean> {
  let received = 0;
  const server = net.createServer((socket) => {
    socket.on('error', ignore);
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.on('data', (bytes) => (received += bytes.length));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = (server.address() as AddressInfo).port;
  const wan = start(WAN, { line: { ...line, rtt: 200, seed: 1 }, target });
  const { port } = await message<{ port: number }>(wan);
  const [handshake = 0] = await Promise.all(Array.from({ length: streams }, () => stream(port)));
  await new Promise((done) => setTimeout(done, RAMP_SECONDS * 1000));
  const before = received;
  const since = performance.now();
  await new Promise((done) => setTimeout(done, (SECONDS - RAMP_SECONDS) * 1000));
  const each = (received - before) / 1000 / (performance.now() - since) / streams;
  wan.removeAllListeners('exit').kill();
  const good = Math.abs(each / expected - 1) <= TOLERANCE && handshake >= 200 && handshake < 500;
  const figures = `${each.toFixed(3)} MB/s per stream, expected ${expected.toFixed(3)}; handshake ${handshake.toFixed(0)} ms`;
  console.log(`${good ? 'ok ' : 'BAD'} ${what} x ${streams}: ${figures}`);
  return good;
}

/** Prints a line for each check. It takes a minute and needs an idle machine. */
export async function checkLine(): Promise<boolean> {
  const results = await Promise.all(CHECKS.map(run));
  return results.every(Boolean);
}
