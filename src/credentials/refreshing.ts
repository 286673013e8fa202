import type { Credentials, Log, Provider } from '../cloud/door.ts';
import { textOf } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';

/** Life that credentials must still have when they are given out, in ms: more than any request takes but an upload's. */
const MARGIN = 10 * 60_000;
/** A source that cannot give longer-lived ones yet (the metadata service) is asked again after this time, in ms. */
const AGAIN = 60_000;

/** Keys that never change. */
export function fixed(credentials: Credentials): Provider {
  return Object.assign(() => Promise.resolve(credentials), { forget: () => false });
}

/**
 * Keeps credentials fresh for all clients: fetched once however many ask, again ten minutes before their end. A fetch that
 * fails while the old ones live is tried again with the next request.
 * @param hide - called with the secrets before their first use
 */
export function refreshing(fetch: () => Promise<Credentials>, log: Log, hide: (secret: string) => void): Provider {
  let current: Credentials | undefined;
  let due = 0;
  let flight: Promise<Credentials> | undefined;

  const renew = async (): Promise<Credentials> => {
    try {
      const fresh = await fetch();
      for (const secret of [fresh.accessKeyId, fresh.accessKeySecret, fresh.securityToken]) if (secret) hide(secret);
      due = Math.max((fresh.expiration ?? Infinity) - MARGIN, now() + AGAIN);
      return (current = fresh);
    } catch (error) {
      const left = (current?.expiration ?? 0) - now();
      if (current === undefined || left < AGAIN) throw error;
      log.info(
        `The credentials could not be renewed yet (${textOf(error)}); they live for ${Math.round(left / 1000)} s more.`,
      );
      return current;
    } finally {
      flight = undefined;
    }
  };
  const provide = (): Promise<Credentials> =>
    current !== undefined && now() < due ? Promise.resolve(current) : (flight ??= renew());
  const forget = (): boolean => {
    current = undefined;
    return true;
  };
  return Object.assign(provide, { forget });
}
