/** Starts, follows and cancels the process of an action (ProcessInvoker.cs). */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface ProcessOptions {
  /** Is called with every line of stdout and stderr. */
  onLine: (line: string) => void;
  /** Cancels at the first line for which this returns true. */
  cancelWhen?: (line: string) => boolean;
  /** Cancels when aborted. */
  signal?: AbortSignal;
  onSpawn?: (child: ChildProcess) => void;
  /** Milliseconds between SIGINT and SIGTERM, and between SIGTERM and the kill of the process tree. */
  signalDelays?: [number, number];
}

export interface Ended {
  code: number | null;
  signal: string | null;
  /** True if the process was cancelled, however it ended. */
  cancelled: boolean;
  raw: string;
}

const SIGNAL_DELAYS: [number, number] = [7_500, 2_500];
/** How long child processes that are left running may keep stdout or stderr open, in ms. */
const STREAM_GRACE = 5_000;

/** Runs a command with exactly this environment and without stdin. */
export async function runProcess(
  [file, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Record<string, string>,
  options: ProcessOptions,
): Promise<Ended> {
  // Detached means a process group of its own, so that the whole tree can be killed.
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise<[number | null, string | null]>((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code, signal) => {
      done([code, signal]);
    });
  });
  const closed = new Promise((done) => child.once('close', done));
  options.onSpawn?.(child);

  let cancelling: Promise<void> | undefined;
  const cancel = (): void => {
    cancelling ??= stop(child, exited, options.signalDelays ?? SIGNAL_DELAYS);
  };
  if (options.signal?.aborted) cancel();
  options.signal?.addEventListener('abort', cancel);

  let raw = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      raw += text;
    });
    followLines(stream, (line) => {
      options.onLine(line);
      if (options.cancelWhen?.(line)) cancel();
    });
  }

  try {
    const [code, signal] = await exited;
    if (!(await within(STREAM_GRACE, closed))) {
      killTree(child);
      child.stdout.destroy();
      child.stderr.destroy();
    }
    await cancelling;
    return { code, signal, cancelled: cancelling !== undefined, raw };
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}

/** Sends SIGINT and SIGTERM to the process only, and then kills its whole tree. */
async function stop(
  child: ChildProcess,
  exited: Promise<unknown>,
  [interrupt, terminate]: [number, number],
): Promise<void> {
  child.kill('SIGINT');
  if (await within(interrupt, exited)) return;
  child.kill('SIGTERM');
  if (await within(terminate, exited)) return;
  killTree(child);
}

function killTree(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Whether `event` settles within this time. */
async function within(ms: number, event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((done) => {
    timer = setTimeout(done, ms, false);
  });
  const inTime = await Promise.race([event.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

/** A single CR also ends a line, as in .NET's StreamReader.ReadLine. */
function followLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (text: string) => {
    // A CR at the end of a chunk may be the first half of CR LF.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest.replace(/\r$/, ''));
  });
}
