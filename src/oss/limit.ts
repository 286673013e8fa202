/** What a stretch of the upload has shown. */
export interface Window {
  /** How many parts may be under way. */
  limit: number;
  /** Accepted bytes per second. */
  rate: number;
  accepted: number;
  failed: number;
  /** Whether the service asked us to slow down. */
  throttled: boolean;
  /** The best rate seen so far at half this limit, when this limit is a probe. */
  before: number | undefined;
}

export const START = 32;
const MOST = 64;
const LEAST = 4;

/** What the next stretch does: how many parts may be under way, and the rate that a probe has to beat. */
export interface Decision {
  limit: number;
  before: number | undefined;
  /** No more probing: doubling did not pay. */
  settled: boolean;
}

/**
 * How many parts may be under way next: half after a refusal or many failures, one more after a quiet stretch below the
 * start, twice as many once to see whether it pays (at least 15 % more bytes per second), and back if it does not.
 */
export function nextLimit(window: Window, settled: boolean): Decision {
  const { limit, rate, accepted, failed, throttled, before } = window;
  if (throttled || failed > 0.05 * (accepted + failed)) {
    return { limit: Math.max(LEAST, Math.floor(limit / 2)), before: undefined, settled: true };
  }
  if (before !== undefined) {
    const pays = rate >= 1.15 * before;
    return { limit: pays ? limit : Math.floor(limit / 2), before: undefined, settled: true };
  }
  if (limit < START) return { limit: limit + 1, before: undefined, settled };
  if (settled || limit * 2 > MOST || accepted === 0) return { limit, before: undefined, settled };
  return { limit: limit * 2, before: rate, settled };
}
