import { spawn, type ChildProcess } from 'node:child_process';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DiskError } from '../disk.ts';
import { AGAIN, oneLine } from '../text.ts';

/** Paths of programs on this machine; undefined for those that it does not have. */
export interface Programs {
  xz?: string | undefined;
  bzip2?: string | undefined;
  qemuImg?: string | undefined;
  /** From util-linux. It ends a child when this process ends. */
  setpriv?: string | undefined;
}

/** How files are unpacked and converted. */
export interface Unpacking {
  /** Is called only when a file has to be unpacked. */
  programs: () => Promise<Programs>;
  /** Bytes of the largest disk. */
  limit: number;
  /** Whether only headers are read and nothing is written. */
  headersOnly: boolean;
  /** Is called with a share from 0 to 1. */
  onProgress: (what: 'unpacked' | 'converted', share: number) => void;
}

/** Keeps the secrets of the job from child processes, and their messages in English. */
const CLEAN = { cwd: '/', env: { PATH: '/usr/bin:/bin', LANG: 'C' } };
const ERROR_LIMIT = 4096;

/** Sends a stream through a transform. @throws DiskError when the data is damaged or cut off */
export async function* through(source: AsyncIterable<Buffer>, transform: Duplex): AsyncGenerator<Buffer> {
  const feeding = pipeline(Readable.from(source, { objectMode: false }), transform).catch((error: unknown) => error);
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } catch (error) {
    throw damaged(error);
  } finally {
    transform.destroy();
    await feeding;
  }
}

/** Sends a stream through a program. When this process ends, its pipes break and the program ends. @throws DiskError */
export async function* filter(source: AsyncIterable<Buffer>, program: string, args: string[]): AsyncGenerator<Buffer> {
  const child = spawn(program, args, { ...CLEAN, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = ending(child, program);
  // When the program stops reading, its exit status gives the reason.
  const feeding = pipeline(Readable.from(source, { objectMode: false }), child.stdin).catch((error: unknown) => error);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const failure = await feeding;
    // A broken pipe is not the cause: the exit status of the program is.
    if (failure instanceof DiskError || (failure as NodeJS.ErrnoException | undefined)?.syscall === 'read')
      throw failure as Error;
    await ended;
  } finally {
    child.kill('SIGKILL');
    child.stdin.destroy();
    child.stdout.destroy();
    await feeding;
    await ended.catch(() => undefined);
  }
}

/**
 * Runs a program to its end.
 * @param onOutput is called with its output
 * @throws DiskError with the program's error message
 */
export async function runProgram(
  { setpriv }: Programs,
  program: string,
  args: string[],
  onOutput: (text: string) => void,
): Promise<void> {
  // No broken pipe ends such a child, so setpriv asks the kernel to kill it when this process ends.
  const bound = setpriv === undefined ? args : ['--pdeathsig', 'KILL', '--', program, ...args];
  const child = spawn(setpriv ?? program, bound, { ...CLEAN, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.setEncoding('latin1').on('data', onOutput);
  try {
    await ending(child, program);
  } finally {
    child.kill('SIGKILL');
  }
}

function ending(child: ChildProcess, program: string): Promise<void> {
  const name = program.split(/[\\/]/).at(-1) ?? program;
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < ERROR_LIMIT) said += text;
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new DiskError([`${name} cannot be started: ${oneLine(String(cause))}.`]));
    });
    child.on('close', (code, signal) => {
      const line = said.trim().replace(/\s+/g, ' ');
      const words = oneLine(line.replace(/'json:\{.*?\}'/g, 'the disk'));
      if (code === 0) resolve();
      else if (signal !== null) reject(new DiskError([`${name} was killed by ${signal}. Run this step again.`]));
      else if (/no space left/i.test(words)) reject(noSpace());
      else reject(new DiskError([`${name} failed: ${words || `exit code ${code ?? ''}`}. ${AGAIN}`]));
    });
  });
  // A caller that stops early does not wait for this promise.
  ended.catch(() => undefined);
  return ended;
}

export const noSpace = (): DiskError =>
  new DiskError(['The disk of this runner is full. Free some space, or use a runner with a larger disk.']);

function damaged(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof DiskError || typeof code !== 'string') return error;
  if (!/^(Z_|ZSTD_|ERR_ZSTD)/.test(code)) return error;
  if (code.endsWith('windowTooLarge'))
    return new DiskError([
      'The zstd data was compressed with --long and needs too much memory. Unpack it on the runner.',
    ]);
  const why = code === 'Z_BUF_ERROR' ? 'cut off' : `damaged (${oneLine((error as Error).message)})`;
  return new DiskError([`The container is ${why}. ${AGAIN}`]);
}
