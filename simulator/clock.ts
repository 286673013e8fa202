import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The longest step of simulated time, in real milliseconds; it limits what a late turn of the event loop counts. */
const STEP = 10;
/** The clock does not wait longer than this for a process that has stopped, in real milliseconds. */
const PATIENCE = 10_000;

/**
 * Simulated time, in milliseconds since 1970. At speed 1 it is the wall clock. At any other speed it moves in short
 * steps, and only when every process that follows it has seen the last step: a busy machine makes it slow, but never
 * makes it jump. The time is published in the file `now` of the directory. Each process that follows writes the last
 * time that it read to a file named by its process id. Both are 8-byte little-endian floating-point numbers.
 */
export class Clock {
  readonly speed: number;
  /** FAST_TIME for a process that follows (see `__tests__/support/fast-time.ts`); empty at speed 1. */
  readonly env: Record<string, string> = {};
  readonly close: () => void = () => undefined;
  readonly #sleepers = new Set<{ until: number; wake: () => void }>();
  readonly #directory: string;
  readonly #begun = Date.now();
  #now: number;
  #last = performance.now();
  #held = 0;

  constructor(origin: number, speed: number, directory: string) {
    this.#now = origin;
    this.speed = speed;
    this.#directory = directory;
    if (speed === 1) return;
    this.env.FAST_TIME = `${speed},${directory}`;
    mkdirSync(directory);
    const file = openSync(join(directory, 'now'), 'w');
    const bytes = new DataView(new ArrayBuffer(8));
    const publish = (): void => {
      bytes.setFloat64(0, this.#now, true);
      writeSync(file, bytes, 0, 8, 0);
    };
    publish();
    const timer = setInterval(() => {
      if (this.#tick()) publish();
    }, 6).unref();
    this.close = () => {
      clearInterval(timer);
      closeSync(file);
    };
  }

  now(): number {
    return Math.floor(this.speed === 1 ? this.#now + Date.now() - this.#begun : this.#now);
  }

  /** Lets no time pass until a process that was just started has seen the time, however long its start takes. */
  readonly follow = ({ pid }: { pid?: number | undefined }): void => {
    if (this.speed !== 1 && pid !== undefined) writeFileSync(join(this.#directory, String(pid)), '', { flag: 'a' });
  };

  sleep(milliseconds: number): Promise<void> {
    return new Promise((wake) => {
      if (this.speed === 1) setTimeout(wake, milliseconds).unref();
      else this.#sleepers.add({ until: this.#now + milliseconds, wake });
    });
  }

  /** Moves by one step, unless a process lags behind. */
  #tick(): boolean {
    const real = performance.now();
    const passed = real - this.#last;
    this.#last = real;
    this.#held = this.#isSeen() ? 0 : this.#held + passed;
    if (this.#held > 0 && this.#held < PATIENCE) return false;
    this.#now += Math.min(passed, STEP) * this.speed;
    for (const sleeper of this.#sleepers) {
      if (sleeper.until > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    return true;
  }

  #isSeen(): boolean {
    return readdirSync(this.#directory).every((name) => {
      const file = join(this.#directory, name);
      if (name === 'now') return true;
      const seen = readFileSync(file);
      if (seen.length === 8 && seen.readDoubleLE() >= this.#now) return true;
      if (isAlive(Number(name))) return false;
      rmSync(file);
      return true;
    });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}

/** ECS, RAM and STS return times without fractions of a second. */
export function isoSeconds(time: number): string {
  return iso(time).replace(/\.\d+Z$/, 'Z');
}
