/** All waiting goes through this file and the global timers, which tests replace by faster ones. */

/** Milliseconds since the epoch. */
export const now = (): number => Date.now();

/** Milliseconds of a clock that is never set. */
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

/** Calls `tick` every `ms` milliseconds until the returned function is called. Does not keep the process alive. */
export function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

export interface Patience {
  /** First pause between two calls, in ms. It grows by half up to `slowest`, with 5 % of jitter either way. */
  first: number;
  slowest: number;
  /** No call starts after this moment, in ms since the epoch. */
  deadline: number;
}

/** Calls `look`, with pauses, until it returns something. Returns undefined after the deadline. */
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
