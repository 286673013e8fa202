/**
 * A preload that makes a process use a simulated clock: `NODE_OPTIONS=--import=<URL of this file>` with
 * `FAST_TIME=<speed>,<directory>[,<milliseconds>]`. The clock (`simulator/clock.ts`) moves only when this process has seen
 * its last step, so that all processes have the same time. The milliseconds make the clock of this process wrong.
 *
 * Only Date, performance.now and the global timers are simulated. Everything else (`node:timers/promises`,
 * AbortSignal.timeout, time-outs of sockets, process.hrtime, times of files) runs at real speed.
 */
import { openSync, readSync, writeSync } from 'node:fs';

const [, speed = '', directory = '', wrong = '0'] =
  /^([\d.]+),(.+?)(?:,(-?\d+))?$/.exec(process.env.FAST_TIME ?? '') ?? [];
if (!(Number(speed) > 0)) throw new Error('FAST_TIME must be <speed>,<directory>[,<milliseconds>]');

const RealDate = Date;
const { setInterval: realInterval, clearInterval: realClear } = globalThis;
/** Active timers, each with its due time and its callback. */
const pending = new Map<NodeJS.Timeout, { due: number; fire: () => void }>();
const clock = openSync(`${directory}/now`, 'r');
const seen = openSync(`${directory}/${process.pid}`, 'w');
const bytes = Buffer.alloc(8);
const read = (): number => {
  readSync(clock, bytes, 0, 8, 0);
  return bytes.readDoubleLE();
};
let time = 0;
const look = (): void => {
  if (read() === time) return;
  time = bytes.readDoubleLE();
  writeSync(seen, bytes, 0, 8, 0);
  const due = [...pending].filter(([, timer]) => timer.due <= time).sort(([, a], [, b]) => a.due - b.due);
  // A timer may stop or postpone another one.
  for (const [handle, timer] of due) if (pending.get(handle) === timer && timer.due <= time) timer.fire();
};
look();
const begun = time;
realInterval(look, 3).unref();

/** Whole milliseconds since 1970. */
const now = (): number => Math.floor(time + Number(wrong));

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
});
// `new Date().constructor === Date` must still be true.
RealDate.prototype.constructor = globalThis.Date;

performance.now = () => time - begun;

// Each timer has a real one that never fires, so that the returned objects are Node's own, and ref, unref and hasRef work.
// A proxy keeps the properties of the timer functions (util.promisify).
const simulated = <T extends typeof setTimeout | typeof setInterval>(timer: T, repeats: boolean): T =>
  new Proxy(timer, {
    apply: (_, __, [callback, delay, ...rest]: [(...all: unknown[]) => void, unknown, ...unknown[]]) => {
      const ms = Number(delay ?? 0);
      const handle = realInterval(() => undefined, 2 ** 30);
      const entry = {
        // Read from the clock itself: this process may have received data from a later step than the last one it saw.
        due: read() + ms,
        fire: () => {
          if (repeats) entry.due = Math.max(entry.due + ms, time);
          else stop(handle);
          callback(...rest);
        },
      };
      pending.set(handle, entry);
      handle.refresh = () => {
        entry.due = read() + ms;
        return handle;
      };
      return handle;
    },
  });
const stop = (handle?: NodeJS.Timeout): void => {
  if (handle !== undefined) pending.delete(handle);
  realClear(handle);
};
globalThis.setTimeout = simulated(globalThis.setTimeout, false);
globalThis.setInterval = simulated(globalThis.setInterval, true);
globalThis.clearTimeout = stop as typeof clearTimeout;
globalThis.clearInterval = stop as typeof clearInterval;
