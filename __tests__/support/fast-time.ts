/**
 * A preload that makes waiting fast from outside: `NODE_OPTIONS=--import=<URL of this file>` with
 * `FAST_TIME=<speed>,<origin>` lets a process live `speed` times as fast. Its clock reads origin + (real - origin) *
 * speed, in milliseconds since 1970, so that processes with the same FAST_TIME agree on the time; its timers fire after
 * delay / speed.
 *
 * Only Date, performance.now and the global timers are scaled. What goes around them (`node:timers/promises`,
 * AbortSignal.timeout, time-outs of sockets, process.hrtime, times of files) stays at real speed.
 */
const [speed = NaN, origin = NaN] = (process.env.FAST_TIME ?? '').split(',').map(Number);
if (!(speed > 0) || !(origin >= 0)) throw new Error('FAST_TIME must be <speed>,<milliseconds since 1970>');

const RealDate = Date;
const realNow = performance.now.bind(performance);

/** Whole milliseconds since 1970. */
const now = (): number => Math.floor(origin + (RealDate.now() - origin) * speed);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
});
// `new Date().constructor === Date` goes on to hold.
RealDate.prototype.constructor = globalThis.Date;

performance.now = () => realNow() * speed;

// A proxy keeps what hangs on the timers (util.promisify); what they return are Node's own objects, so ref, unref,
// hasRef, refresh and the clear functions work as ever.
const scaled = <T extends typeof setTimeout | typeof setInterval>(timer: T): T =>
  new Proxy(timer, {
    apply: (target, self, [callback, delay, ...rest]: unknown[]) =>
      Reflect.apply(target, self, [callback, Number(delay ?? 0) / speed, ...rest]) as NodeJS.Timeout,
  });
globalThis.setTimeout = scaled(globalThis.setTimeout);
globalThis.setInterval = scaled(globalThis.setInterval);
