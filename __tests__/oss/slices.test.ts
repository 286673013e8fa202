import { randomInt } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { Agent, createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from '../../simulator/certificates.ts';
import { openOss, type Oss } from '../../src/oss/client.ts';
import { Pace } from '../../src/oss/pace.ts';
import { Progress } from '../../src/oss/progress.ts';
import { Sender } from '../../src/oss/sender.ts';
import { pseudoRandom } from '../support/scene.ts';
import { MIB, openFile, openLab, staging } from './lab.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A server with the given handler, and a client of it. */
async function openServer(handle: Handler): Promise<{ oss: Oss; agent: Agent }> {
  const certificates = await makeCertificates();
  const server = createServer({
    SNICallback: (host, done) => {
      certificates.context(host).then(
        (context) => {
          done(null, context);
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
    },
  });
  server.on('request', (request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { warn } = console;
  console.warn = () => undefined; // urllib's warnings
  const agent = new Agent({ keepAlive: true, ca: certificates.ca, scheduling: 'lifo' });
  onTestFinished(() => {
    console.warn = warn;
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const quiet = { info: () => undefined, warning: () => undefined };
  const credentials = Object.assign(() => Promise.resolve({ accessKeyId: 'a', accessKeySecret: 'b' }), {
    forget: () => false,
  });
  const connection = { credentials, agent, log: quiet, clock: { behind: 0 }, deadline: { at: Infinity } };
  return { oss: openOss({ region: 'cn-beijing', bucket: 'packer', host: `localhost:${port}` }, connection), agent };
}

describe('the slices of a part', () => {
  it('are never overwritten while a slow socket reads them, even if many tries fail', async () => {
    // The answer has no checksum, so that the test compares the bytes that arrived.
    const arrived = new Map<number, Buffer>();
    const { oss } = await openServer(async (request, response) => {
      const part = Number(new URL(request.url ?? '', 'https://x').searchParams.get('partNumber'));
      const chunks: Buffer[] = [];
      let size = 0;
      const end = randomInt(3) === 0 ? randomInt(1, 3 * MIB) : Infinity;
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          size += chunk.length;
          if (size > end) {
            request.socket.destroy();
            return;
          }
          if (randomInt(6) === 0) await pause(randomInt(4));
        }
      } catch {
        return;
      }
      arrived.set(part, Buffer.concat(chunks));
      response.writeHead(200, { etag: `"${part}"`, 'content-length': 0 }).end();
    });
    const lab = await openLab();
    const parts = 40;
    const path = join(lab.directory, 'disk');
    const source = await openFile(path, parts * 3 * MIB, [[0, pseudoRandom(parts * 3 * MIB, 1)]]);
    const progress = new Progress(source, oss.log);
    const target = { ...staging(), oss, source, uploadId: 'u', progress };
    const sender = new Sender(target, new Pace(progress, { width: 24 }));
    const numbers = Array.from({ length: parts }, (_, index) => index + 1);
    await Promise.all(
      numbers.map((number) => sender.send({ number, offset: (number - 1) * 3 * MIB, length: 3 * MIB, zero: false })),
    );
    progress.stop();
    const file = await openAsBlob(path);
    for (const number of numbers) {
      const bytes = Buffer.from(await file.slice((number - 1) * 3 * MIB, number * 3 * MIB).arrayBuffer());
      expect(arrived.get(number)?.equals(bytes)).toBe(true);
    }
  });
});

describe('an answer that comes before the end of the body', () => {
  it('is accepted, and leaves no connection that waits for the rest', async () => {
    const { oss, agent } = await openServer((_, response) => {
      response.writeHead(200, { etag: '"1"', 'content-length': 0 }).end();
      return Promise.resolve();
    });
    const body = new Readable({ read: () => undefined });
    body.push('the first half');
    const { etag } = await oss.call('oss:UploadPart', (sdk) => sdk.uploadPart('k', 'u', 1, body, 0, 100));
    expect(etag).toBe('"1"');
    const [socket] = Object.values(agent.sockets).flat();
    if (socket !== undefined) await new Promise((resolve) => socket.once('close', resolve));
    expect(Object.values(agent.sockets).flat()).toEqual([]);
  });
});
