import type { CloudError } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import type { CallOptions } from './client.ts';
import type { Stretch } from './limit.ts';
import type { Progress } from './progress.ts';

/** The upload gives up when no part was accepted for this long, in ms. */
const PATIENCE = 15 * 60_000;

/** How an upload fares: what was accepted and what failed, and whether there is still hope. */
export class Pace {
  private readonly progress: Progress;
  private seen: Stretch = { accepted: 0, failed: 0, throttled: false };
  /** Parts that are to be stored, waiting ones included. */
  private waiting = 0;
  /** When a part was last accepted, or the first of those that wait began to. */
  private lastGood = now();
  /** When each try under way began, the oldest first. */
  private readonly tries = new Set<{ began: number }>();

  constructor(progress: Progress) {
    this.progress = progress;
  }

  /** What has happened since the last call. */
  stretch(): Stretch {
    const { seen } = this;
    this.seen = { accepted: 0, failed: 0, throttled: false };
    return seen;
  }

  /** Runs a call that stores one part, with tries until there is no hope. @throws CloudError `UploadGaveUp` */
  async store<T>(call: (options: CallOptions) => Promise<T>): Promise<T> {
    if (this.waiting === 0) this.lastGood = now();
    this.waiting += 1;
    let gaveUp = false as boolean;
    try {
      const stored = await call({
        givesUp: () => (gaveUp = this.hopeless()),
        onRetry: ({ code, status, message }) => {
          this.seen.failed += 1;
          this.seen.throttled ||= status === 503 || /Throttl|SlowDown|Limit/.test(code);
          this.progress.retried(`${code}: ${message}`);
        },
      });
      this.seen.accepted += 1;
      this.lastGood = now();
      return stored;
    } catch (error) {
      if (!gaveUp) throw error;
      const last = error as CloudError;
      const text = `no part was accepted for ${PATIENCE / 60_000} minutes; last: ${last.code}: ${last.message}`;
      throw last.reworded(text, 'UploadGaveUp');
    } finally {
      this.waiting -= 1;
    }
  }

  /** Runs one try of a part whose connection is watched for stalls. */
  async watched<T>(run: () => Promise<T>): Promise<T> {
    const one = { began: now() };
    this.tries.add(one);
    try {
      return await run();
    } finally {
      this.tries.delete(one);
    }
  }

  /** A large part on a slow line takes longer than our patience: as long as its bytes move, it may yet be accepted. */
  private hopeless(): boolean {
    const [oldest] = this.tries;
    return now() - this.lastGood > PATIENCE && now() - (oldest?.began ?? now()) <= PATIENCE;
  }
}
