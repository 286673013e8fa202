/** The laboratory: a sink, optionally an emulated network in front of it, and clients that run as whole processes. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Line } from './flow.ts';
import type { Measured } from './measure.ts';
import type { SinkCounters, SinkReady, SinkSettings } from './sink.ts';

export interface Result extends Measured {
  sink: SinkCounters;
  /** Seconds from the start of the process to the first byte of content at the sink. */
  firstByte: number;
}

export interface Lab {
  /** Runs `node <arguments>` against the sink. */
  run(client: string[]): Promise<Result>;
  close(): void;
}

const SINK = new URL('./sink.ts', import.meta.url);
export const WAN = new URL('./wan.ts', import.meta.url);

/** Starts a process of the laboratory: SINK or WAN. */
export function start(program: URL, settings: object): ChildProcess {
  const child = fork(program, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.once('exit', (code) => {
    if (code !== null) throw new Error(`${program.pathname} ended with ${code}`);
  });
  return child;
}

export async function message<T>(child: ChildProcess): Promise<T> {
  const [got] = (await once(child, 'message')) as [T];
  return got;
}

/** Returns the one line of JSON that the client prints to stdout. Everything else is on stderr. */
async function runClient(client: string[], environment: NodeJS.ProcessEnv): Promise<Measured> {
  const child = spawn(process.execPath, client, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${client.join(' ')} ended with ${String(code)}`);
  return JSON.parse(Buffer.concat(output).toString().trim().split('\n').at(-1) ?? '') as Measured;
}

/** Without a `line`, the client reaches the sink over loopback. */
export async function openLab(settings: SinkSettings, line?: Line): Promise<Lab> {
  const sink = start(SINK, settings);
  const ready = await message<SinkReady>(sink);
  const wan = line === undefined ? undefined : start(WAN, { line, target: ready.port });
  const { port } = wan === undefined ? ready : await message<{ port: number }>(wan);
  const { PATH = '', HOME = '' } = process.env;
  const proxy = `http://127.0.0.1:${port}`;
  const environment = { PATH, HOME, HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: ready.caFile };
  const ask = async (question: 'reset' | 'counters'): Promise<SinkCounters> => {
    sink.send(question);
    return message<SinkCounters>(sink);
  };
  return {
    async run(client) {
      await ask('reset');
      const startedAt = Date.now();
      const measured = await runClient(client, environment);
      const counters = await ask('counters');
      return { ...measured, sink: counters, firstByte: Math.max(0, counters.firstBodyAt - startedAt) / 1000 };
    },
    close() {
      // Each ends when it is disconnected; the sink removes its temporary files first.
      for (const child of [sink, wan]) child?.removeAllListeners('exit').disconnect();
    },
  };
}
