import type { Log } from '../cloud/door.ts';
import { every, now } from '../cloud/time.ts';

const MIB = 1024 ** 2;
/** Time between two lines, in ms. */
const PACE = 12_000;

/** Counts what the upload does and says so now and then: enough to tell a slow line from a dead one. */
export class Progress {
  /** Bytes of data handed to the line in tries that still count. */
  private sent = 0;
  /** Bytes of the file that are zeros or were there already. */
  private skipped = 0;
  private retries = 0;
  private lastReason = '';
  private readonly size: number;
  private readonly log: Log;
  private readonly started = now();
  private readonly stop: () => void;
  private before = { sent: 0, at: now() };

  /** @param size - bytes of the file */
  constructor(size: number, log: Log) {
    this.size = size;
    this.log = log;
    this.stop = every(PACE, () => {
      this.say();
    });
  }

  /** Bytes handed over, or taken back when their try has failed. */
  moved(bytes: number): void {
    this.sent += bytes;
  }

  spared(bytes: number): void {
    this.skipped += bytes;
  }

  retried(reason: string): void {
    this.retries += 1;
    this.lastReason = reason;
  }

  /** Says the last line. */
  sayEnd(): void {
    const seconds = (now() - this.started) / 1000;
    this.log.info(
      `Uploaded ${gib(this.sent)} in ${seconds.toFixed(1)} s (${rate(this.sent, seconds)}); ${gib(this.skipped)} of zeros were not sent${this.trouble()}.`,
    );
  }

  bytesSent(): number {
    return this.sent;
  }

  /** How far it got, such as `37 %`. */
  share(): string {
    return `${Math.floor((100 * (this.sent + this.skipped)) / this.size)} %`;
  }

  /** Says nothing any more. */
  cease(): void {
    this.stop();
  }

  private say(): void {
    const at = now();
    const lately = (at - this.before.at) / 1000;
    const whole = (at - this.started) / 1000;
    const done = this.sent + this.skipped;
    const left = this.size - done;
    const speed = done / whole;
    const eta = this.sent === this.before.sent ? 'nothing moved lately' : `about ${minutes(left / speed)} left`;
    this.log.info(
      `${this.share()} of ${gib(this.size)}, ${rate(this.sent - this.before.sent, lately)} now, ` +
        `${rate(this.sent, whole)} overall, ${eta}, ${gib(this.skipped)} of zeros not sent${this.trouble()}.`,
    );
    this.before = { sent: this.sent, at };
  }

  private trouble(): string {
    return this.retries === 0 ? '' : `, ${this.retries} retries (last: ${this.lastReason})`;
  }
}

const gib = (bytes: number): string =>
  bytes < 1024 * MIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${(bytes / 1024 / MIB).toFixed(2)} GiB`;
const rate = (bytes: number, seconds: number): string => `${(bytes / MIB / Math.max(seconds, 0.001)).toFixed(1)} MiB/s`;
const minutes = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
