import type { Credentials, Provider } from '../cloud/connection.ts';
import type { Log } from '../cloud/log.ts';
import { CloudError, textOf } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import { now } from '../cloud/time.ts';

/** Credentials are renewed this long before they expire, in ms: longer than any request takes, except uploads. */
const MARGIN = 10 * 60_000;
/** Credentials are fetched at most this often, in ms, and never given out if they expire sooner. */
const AGAIN = 60_000;

/** What must never be shown. */
export const secretsOf = ({ accessKeyId, accessKeySecret, securityToken }: Credentials): string[] =>
  [accessKeyId, accessKeySecret, securityToken ?? ''].filter((secret) => secret !== '');

/** Keys that never change. */
export function fixed(credentials: Credentials): Provider {
  return Object.assign(() => Promise.resolve(credentials), { forget: () => false });
}

/**
 * Keeps credentials fresh for all clients. They are fetched once, however many clients ask, and again ten minutes before
 * they expire, while the old ones are still in use. A fetch that fails meanwhile is tried again a minute later.
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
      secretsOf(fresh).forEach(hide);
      current = fresh;
      fetched = now();
      due = Math.max(fetched + left() - MARGIN, fetched + AGAIN);
      return fresh;
    } catch (error) {
      if (current === undefined || left() < AGAIN) throw error;
      due = now() + Math.min(AGAIN, left() - AGAIN);
      const life = `They are valid for another ${Math.round(left() / 60_000)} min.`;
      log.info(`The credentials could not be renewed yet: ${textOf(error)}. ${life}`);
      return current;
    } finally {
      flight = undefined;
    }
  };
  const provide = (): Promise<Credentials> => {
    if (current !== undefined && now() < due) return Promise.resolve(current);
    flight ??= renew();
    if (current === undefined || left() < AGAIN) return flight;
    // Nobody waits for this fetch. If it fails, the next one reports the failure.
    flight.catch(() => undefined);
    return Promise.resolve(current);
  };
  // If many requests are refused at once, the last one must not discard what the first one has renewed.
  const forget = (): boolean => {
    if (now() - fetched >= AGAIN) current = undefined;
    return true;
  };
  return Object.assign(provide, { forget });
}

/** The credentials in an answer of STS or the metadata service. @throws CloudError `UnexpectedAnswer` */
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
