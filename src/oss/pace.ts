import { CloudError } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import type { CallOptions } from './client.ts';
import type { Stretch } from './limit.ts';
import type { Progress } from './progress.ts';

/** The upload gives up when no part was accepted for this long, in ms. */
const PATIENCE = 15 * 60_000;

/** How an upload fares: what was accepted and what failed, and whether there is still hope. */
export class Pace {
  private readonly progress: Progress;
  private lastAccepted = now();
  private seen: Stretch = { accepted: 0, failed: 0, throttled: false };

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
    try {
      const stored = await call({
        givesUp: () => this.hopeless(),
        onRetry: (error) => {
          this.note(error);
        },
      });
      this.seen.accepted += 1;
      this.lastAccepted = now();
      return stored;
    } catch (error) {
      if (!(error instanceof CloudError) || !this.hopeless()) throw error;
      const { operation, code, message, requestId } = error;
      const text = `no part was accepted for ${PATIENCE / 60_000} minutes, ${this.progress.share()} is through`;
      throw new CloudError(operation, 'UploadGaveUp', `${text}; last: ${code}: ${message}`, {
        requestId,
        cause: error,
      });
    }
  }

  private hopeless(): boolean {
    return now() - this.lastAccepted > PATIENCE;
  }

  private note({ code, status, message }: CloudError): void {
    this.seen.failed += 1;
    this.seen.throttled ||= status === 503 || /Throttl|SlowDown|Limit/.test(code);
    this.progress.retried(`${code}: ${message}`);
  }
}
