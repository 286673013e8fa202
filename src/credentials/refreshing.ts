import type { Credentials, Provider } from '../cloud/connection.ts';
import type { Log } from '../cloud/log.ts';
import { CloudError, textOf } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { now } from '../cloud/time.ts';

/** Credentials are renewed when they have this much life left, in ms: more than any request takes but an upload's. */
const MARGIN = 10 * 60_000;
/** Nobody is asked for fresh ones more often than this, in ms, and none that end sooner are given out. */
const AGAIN = 60_000;

/** Keys that never change. */
export function fixed(credentials: Credentials): Provider {
  return Object.assign(() => Promise.resolve(credentials), { forget: () => false });
}

/**
 * Keeps credentials fresh for all clients: fetched once however many ask, and again ten minutes before their end, while
 * the old ones stay in use. A fetch that fails while they live is tried again a minute later.
 * @param hide - called with the secrets before their first use
 */
export function refreshing(fetch: () => Promise<Credentials>, log: Log, hide: (secret: string) => void): Provider {
  let current: Credentials | undefined;
  let fetched = 0;
  let due = 0;
  let flight: Promise<Credentials> | undefined;

  const left = () => (current === undefined ? 0 : (current.expiration ?? Infinity) - now());
  const renew = async (): Promise<Credentials> => {
    try {
      const fresh = await fetch();
      for (const secret of [fresh.accessKeyId, fresh.accessKeySecret, fresh.securityToken]) if (secret) hide(secret);
      current = fresh;
      fetched = now();
      due = Math.max(fetched + left() - MARGIN, fetched + AGAIN);
      return fresh;
    } catch (error) {
      if (current === undefined || left() < AGAIN) throw error;
      due = now() + AGAIN;
      const life = `they live for ${Math.round(left() / 60_000)} min more`;
      log.info(`The credentials could not be renewed yet, ${life}: ${textOf(error)}`);
      return current;
    } finally {
      flight = undefined;
    }
  };
  const provide = (): Promise<Credentials> => {
    if (current !== undefined && now() < due) return Promise.resolve(current);
    flight ??= renew();
    if (current === undefined || left() < AGAIN) return flight;
    // Nobody waits for this flight; whoever needs the next one hears of its failure.
    flight.catch(() => undefined);
    return Promise.resolve(current);
  };
  // Of many requests that were refused at once, the last to hear of it must not throw away what the first has renewed.
  const forget = (): boolean => {
    if (now() - fetched >= AGAIN) current = undefined;
    return true;
  };
  return Object.assign(provide, { forget });
}

/** Reads a session as STS and the metadata service write it. */
export function toCredentials(operation: string, session: unknown): Credentials {
  const text = (name: string): string => {
    const value = textAt(session, name);
    if (value === undefined) throw new CloudError(operation, 'UnexpectedAnswer', `the answer has no ${name}`);
    return value;
  };
  return {
    accessKeyId: text('AccessKeyId'),
    accessKeySecret: text('AccessKeySecret'),
    securityToken: text('SecurityToken'),
    expiration: Date.parse(text('Expiration')),
  };
}
