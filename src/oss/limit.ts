/**
 * How many parts may be under way. On a lossy line the number of connections is everything, and where a connection is
 * fast the surplus costs next to nothing, so the upload starts with the most that has paid in measurements (bench/README.md).
 */
export const MOST = 64;
const LEAST = 4;

/** What a stretch of ten seconds has shown. */
export interface Stretch {
  accepted: number;
  failed: number;
  /** Whether the service asked us to slow down. */
  throttled: boolean;
}

/** The limit for the next stretch: half after a refusal or more than 5 % failures, a quarter more after a quiet one. */
export function nextLimit(limit: number, { accepted, failed, throttled }: Stretch): number {
  if (throttled || failed > 0.05 * (accepted + failed)) return Math.max(LEAST, Math.floor(limit / 2));
  return accepted === 0 ? limit : Math.min(MOST, Math.ceil(limit * 1.25));
}
