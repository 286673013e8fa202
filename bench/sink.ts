/**
 * The service of the benchmark: the simulator in a process of its own, with a store that keeps sizes and CRC-64 but no
 * bytes. `bench/lab.ts` forks it with its settings as JSON and asks for its counters by message.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../simulator/index.ts';
import { type Extent, Store, type Written } from '../simulator/store.ts';
import { Crc64, zerosCrc } from '../src/oss/crc64.ts';

export interface SinkSettings {
  /** Time that each request takes on the server after its last byte, in ms. */
  serverMs: number;
}

export interface SinkCounters {
  requests: number;
  operations: Record<string, number>;
  /** All bytes received over TCP, TLS and headers included. */
  wireBytes: number;
  /** When the first byte of a part or object arrived, in ms since 1970; 0 if none has. */
  firstBodyAt: number;
}

export interface SinkReady {
  port: number;
  /** The file with the certificate to trust, PEM. */
  caFile: string;
}

let firstBodyAt = 0;

/**
 * Only zeros have extents here, because they are all that is copied. The MD5 of zeros is real, as the seed of the zero
 * object is sent with its Content-MD5. Any other MD5 is made from size and CRC: a real one would cost the sink too much
 * time, and only ETags show it.
 */
class SumStore extends Store {
  readonly #zeroMd5 = new Map<number, Buffer>();

  override async write(body: AsyncIterable<Buffer>): Promise<Written> {
    const crc = new Crc64();
    let size = 0;
    for await (const chunk of body) {
      if (firstBodyAt === 0) firstBodyAt = Date.now();
      size += chunk.length;
      crc.update(chunk);
    }
    const sum = crc.digest();
    if (size > 0 && sum === zerosCrc(size)) return { ...zeros(size), md5: this.#md5OfZeros(size) };
    return { size, crc: sum, md5: madeUpMd5(size, sum), extents: [] };
  }

  override copy(extents: Extent[], begin: number, end: number): Promise<Written> {
    if (extents.length === 0) throw new Error('the sink can only copy zeros');
    return Promise.resolve(zeros(end - begin));
  }

  #md5OfZeros(size: number): Buffer {
    const md5 = this.#zeroMd5.get(size) ?? createHash('md5').update(Buffer.alloc(size)).digest();
    this.#zeroMd5.set(size, md5);
    return md5;
  }
}

function zeros(size: number): Written {
  const blob = { references: 1, checks: new Map<string, never>() };
  const crc = zerosCrc(size);
  return { size, crc, md5: madeUpMd5(size, crc), extents: [{ blob, offset: 0, length: size }] };
}

function madeUpMd5(size: number, crc: bigint): Buffer {
  const md5 = Buffer.alloc(16);
  md5.writeBigUInt64BE(crc);
  md5.writeBigUInt64BE(BigInt(size), 8);
  return md5;
}

const { serverMs } = JSON.parse(process.argv[2] ?? '') as SinkSettings;
const simulator = await startSimulator();
const { account, admin, env, record, world } = simulator;
world.store = new SumStore('');
world.addBucket(account, 'bench');
Object.assign(admin, { accessKeyId: 'bench', secret: 'bench' });
if (serverMs > 0) simulator.after = () => sleep(serverMs);
let wireBefore = 0;

function counters(): SinkCounters {
  const operations: Record<string, number> = {};
  for (const { operation } of record) operations[operation] = (operations[operation] ?? 0) + 1;
  return { requests: record.length, operations, wireBytes: simulator.bytesRead() - wireBefore, firstBodyAt };
}

process.on('message', (message) => {
  process.send?.(counters());
  if (message !== 'reset') return;
  record.length = 0;
  wireBefore = simulator.bytesRead();
  firstBodyAt = 0;
});
process.on('disconnect', () => void simulator.close().then(() => process.exit()));
const ready: SinkReady = { port: Number(new URL(simulator.proxy).port), caFile: env.NODE_EXTRA_CA_CERTS };
process.send?.(ready);
