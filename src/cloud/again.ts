import { hasCode, type CloudError } from './errors.ts';
import { now, poll } from './time.ts';

export interface Again {
  /** Codes of failures that pass with time. */
  code: RegExp;
  /** No new call starts after this long, in ms. */
  patience: number;
  /** First and longest pause between two calls, in ms. */
  first: number;
  slowest: number;
}

/**
 * Repeats a call while it fails with one of these codes.
 * @throws CloudError the last failure after `patience`; any other failure at once
 */
export async function callWhile<T>({ code, patience, first, slowest }: Again, call: () => Promise<T>): Promise<T> {
  let last: CloudError | undefined;
  const attempt = async (): Promise<{ answer: T } | undefined> => {
    try {
      return { answer: await call() };
    } catch (error) {
      if (!hasCode(error, code)) throw error;
      last = error;
      return undefined;
    }
  };
  const done = await poll({ first, slowest, deadline: now() + patience }, attempt);
  if (done !== undefined) return done.answer;
  // At least one call was made.
  throw last as unknown as CloudError;
}
