import type { Log } from '../cloud/connection.ts';
import { every, now } from '../cloud/time.ts';

const MIB = 1024 ** 2;
/** Time between two lines, in ms. */
const PACE = 12_000;

/** Counts what the upload does and says so now and then: enough to tell a slow line from a dead one. All in bytes. */
export class Progress {
  /** Handed to the line in tries that still count. */
  private sent = 0;
  /** Handed to the line in all tries. */
  private moves = 0;
  private zeros = 0;
  /** Lay in the bucket already. */
  private kept = 0;
  private retries = 0;
  private lastReason = '';
  private readonly size: number;
  private readonly log: Log;
  private readonly started = now();
  private readonly stop: () => void;
  /** When something was last seen to have moved, and what had until then. */
  private before = { at: now(), moves: 0, done: 0 };
  private spoke = now();

  /** @param size - of the file */
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
    this.moves += Math.max(0, bytes);
  }

  /** Zeros that were copied inside the bucket. */
  copied(bytes: number): void {
    this.zeros += bytes;
  }

  /** A part of an earlier try that counts. */
  found(bytes: number): void {
    this.kept += bytes;
  }

  retried(reason: string): void {
    this.retries += 1;
    this.lastReason = reason;
  }

  bytesSent(): number {
    return this.sent;
  }

  bytesCopied(): number {
    return this.zeros;
  }

  /** How far it got, such as `37 % of 20.00 GiB`. */
  reached(): string {
    return `${Math.floor((100 * this.done()) / this.size)} % of ${gib(this.size)}`;
  }

  sayEnd(): void {
    const seconds = (now() - this.started) / 1000;
    this.log.info(
      `Uploaded ${gib(this.sent)} in ${seconds.toFixed(1)} s (${rate(this.sent, seconds)})${this.saved()}${this.trouble()}.`,
    );
  }

  /** Says nothing any more. */
  cease(): void {
    this.stop();
  }

  private say(): void {
    const at = now();
    const done = this.done();
    const { moves } = this;
    const still = moves === this.before.moves && done === this.before.done;
    const seconds = (at - this.started) / 1000;
    const left = ((this.size - done) * seconds) / done;
    const speed = still
      ? `nothing has moved for ${duration((at - this.before.at) / 1000)}`
      : `${rate(moves - this.before.moves, (at - this.spoke) / 1000)} now, ${rate(this.sent, seconds)} overall, ${duration(left)} left`;
    this.log.info(`${this.reached()}: ${speed}${this.saved()}${this.trouble()}.`);
    if (!still) this.before = { at, moves, done };
    this.spoke = at;
  }

  private done(): number {
    return this.sent + this.zeros + this.kept;
  }

  private saved(): string {
    return (
      (this.zeros === 0 ? '' : `, ${gib(this.zeros)} of zeros not sent`) +
      (this.kept === 0 ? '' : `, ${gib(this.kept)} there already`)
    );
  }

  private trouble(): string {
    const times = this.retries === 1 ? '1 retry' : `${this.retries} retries`;
    return this.retries === 0 ? '' : `, ${times} (last: ${this.lastReason})`;
  }
}

const gib = (bytes: number): string =>
  bytes < 1024 * MIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${(bytes / 1024 / MIB).toFixed(2)} GiB`;
const rate = (bytes: number, seconds: number): string => `${(bytes / MIB / Math.max(seconds, 0.001)).toFixed(1)} MiB/s`;
const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
