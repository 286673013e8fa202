/** The only file that waits: a preload that scales the global timers makes every wait of the product fast. */

/** Milliseconds since the epoch. */
export const now = (): number => Date.now();

/** Milliseconds of a clock that nobody sets. */
export const monotonic = (): number => performance.now();

/** Resolves after `ms` milliseconds, or rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });
}

/** Calls `tick` every `ms` milliseconds until the returned function is called; never keeps the process alive. */
export function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

export interface Patience {
  /** First pause between two looks, in ms; it grows by half up to `slowest`, with a tenth of jitter. */
  first: number;
  slowest: number;
  /** No look starts after this moment, in ms since the epoch. */
  deadline: number;
}

/** Calls `look` until it returns something, pausing in between; returns undefined when the deadline has passed. */
export async function poll<T>(patience: Patience, look: () => Promise<T | undefined>): Promise<T | undefined> {
  let pause = patience.first;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    const left = patience.deadline - now();
    if (left <= 0) return undefined;
    await sleep(Math.min(left, pause * (0.95 + Math.random() * 0.1)));
    pause = Math.min(patience.slowest, pause * 1.5);
  }
}
