/** The most parts under way at a time: on a lossy line the number of connections is everything (bench/README.md). */
export const MOST = 64;
export const LEAST = 4;
/** Bytes that may be under way before a rate is known: a line of 150 kB/s takes four minutes for them. */
const UNMEASURED = 32 * 1024 ** 2;
/** A line that gives each connection less than this, in bytes per second, has too many of them. */
const THIN = 32_000;

/** What has happened since the last decision: about as many parts as may be under way at a time. */
export interface Wave {
  /** Of accepted parts, in bytes per second. */
  rate: number;
  accepted: number;
  failed: number;
  /** Whether the service asked us to slow down. */
  throttled: boolean;
}

/** How many parts may be under way at first. @param partLength - bytes */
export const firstWidth = (partLength: number): number =>
  Math.min(MOST, Math.max(MOST / 4, Math.floor(UNMEASURED / partLength)));

/**
 * How many parts may be under way next: half when throttled or when most tries fail; no more than give each a fair rate;
 * twice as many while the rate rises with the number.
 * @param before - the rate of the wave before, 0 for the first
 */
export function nextWidth(width: number, { rate, accepted, failed, throttled }: Wave, before: number): number {
  if (throttled || failed > accepted) return Math.max(LEAST, Math.floor(width / 2));
  if (accepted === 0) return width;
  if (rate < THIN * width) return Math.min(width, Math.max(LEAST, Math.ceil(rate / (2 * THIN))));
  return rate > 1.1 * before ? Math.min(MOST, width * 2) : width;
}
