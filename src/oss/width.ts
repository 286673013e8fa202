/** The most parts under way at a time: on a lossy line the number of connections decides the rate (bench/README.md). */
export const MAX_WIDTH = 64;
export const MIN_WIDTH = 4;
/**
 * Bytes to have under way before a rate is known; a line of 150 kB/s takes four minutes for them. Parts over 2 MiB exceed it,
 * because at least a quarter of the most parts is sent at a time.
 */
const UNMEASURED = 32 * 1024 ** 2;
/** Below this rate per connection, in bytes per second, fewer connections may do as well. */
const THIN = 32_000;

/** The rate of accepted parts, in bytes per second, with so many parts under way. */
export interface Measured {
  width: number;
  rate: number;
}

/** What has happened since the last decision: about as many parts as may be under way at a time. */
export interface Wave extends Measured {
  accepted: number;
  failed: number;
  /** Whether the service asked us to slow down. */
  throttled: boolean;
}

/** How many parts may be under way at first. @param partLength - bytes */
export const firstWidth = (partLength: number): number =>
  Math.min(MAX_WIDTH, Math.max(MAX_WIDTH / 4, Math.floor(UNMEASURED / partLength)));

/**
 * How many parts may be under way next. Each change is an experiment that the next wave judges: twice as many if the rate
 * has risen by 30 %, back to the number before if a change did not pay, and at once to a few if a line looks thin. Half after
 * throttling, and when most tries fail.
 * @param before - what the wave before measured; undefined for the first, and after throttling
 */
export function nextWidth({ width, rate, accepted, failed, throttled }: Wave, before?: Measured): number {
  if (throttled || failed > accepted) return Math.max(MIN_WIDTH, Math.floor(width / 2));
  if (accepted === 0) return width;
  const wider = Math.min(MAX_WIDTH, width * 2);
  const fewer = Math.min(width, Math.max(MIN_WIDTH, Math.ceil(rate / (2 * THIN))));
  const thin = rate < THIN * width;
  if (before === undefined) return thin ? fewer : wider;
  if (rate > 1.3 * before.rate) return wider;
  if (width > before.width) return before.width;
  if (width < before.width && rate < 0.9 * before.rate) return before.width;
  // A rate that has halved is another line. A lossy one is slow at any number, and keeps the number that was found best.
  return thin && rate < before.rate / 2 ? fewer : width;
}
