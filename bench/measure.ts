/** The client side of a measurement: runs one upload in this process and prints its figures as one line of JSON. */
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Measured {
  /** Seconds from the call to its end. */
  wall: number;
  /** CPU seconds of the whole process, user and system, start-up included. */
  cpu: number;
  /** Peak resident memory, MiB. */
  rss: number;
  /** The longest delay of the event loop, in ms. */
  stall: number;
}

export const REGION = 'cn-beijing';
export const BUCKET = 'bench';

/** A keep-alive agent through HTTPS_PROXY, which a fair comparison gives to the SDK too. */
export function newAgent(): https.Agent {
  return new https.Agent({ keepAlive: true, proxyEnv: process.env });
}

/** Not `maxRSS` of getrusage, which starts from the size of the parent. */
function peakRss(): number {
  const kib = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) / 1024;
}

export async function measure(upload: () => Promise<void>): Promise<void> {
  const resolution = 2;
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  const start = performance.now();
  await upload();
  const wall = (performance.now() - start) / 1000;
  delay.disable();
  const { user, system } = process.cpuUsage();
  const stall = Math.max(0, delay.max / 1e6 - resolution);
  const measured: Measured = { wall, cpu: (user + system) / 1e6, rss: peakRss(), stall };
  process.stdout.write(`${JSON.stringify(measured)}\n`);
}
