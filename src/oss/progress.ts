import type { Log } from '../cloud/log.ts';
import { every, monotonic } from '../cloud/time.ts';
import type { Source } from './reader.ts';

const MIB = 1024 ** 2;
/** Time between two lines, in ms. */
const PACE = 12_000;

/** Counts bytes and logs a line now and then, so that a slow connection can be told from a dead one. */
export class Progress {
  /** Data that the service has accepted. */
  sent = 0;
  /** Zeros that were copied inside the bucket. */
  copied = 0;
  /** Found in the bucket, with the right content. */
  kept = 0;
  /** Data found so far that has to be sent. */
  toSend = 0;
  /** Offset in the file up to which it has been cut into parts. */
  searched = 0;
  /** Read for the tries that are running. */
  private underWay = 0;
  /** Read for all tries. */
  private moves = 0;
  private retries = 0;
  private lastReason = '';
  private readonly source: Pick<Source, 'size' | 'extents'>;
  private readonly log: Log;
  private readonly started = monotonic();
  /** Stops the lines. */
  readonly stop: () => void;
  /** The state when something last moved. */
  private before = { at: this.started, moves: 0, done: 0 };
  private lastLine = this.started;
  /** The clock of `awake` at the last line. */
  private awakeThen = 0;

  constructor(source: Pick<Source, 'size' | 'extents'>, log: Log) {
    this.source = source;
    this.log = log;
    this.stop = every(PACE, () => {
      this.logLine();
    });
  }

  /** Counts bytes that a try hands to its connection. */
  moved(bytes: number): void {
    this.underWay += bytes;
    this.moves += bytes;
  }

  /** Counts the end of a try that has moved so many bytes. */
  ended(bytes: number, accepted: boolean): void {
    this.underWay -= bytes;
    if (accepted) this.sent += bytes;
  }

  retried(reason: string): void {
    this.retries += 1;
    this.lastReason = reason;
  }

  /** A clock in ms that stops while the machine sleeps: it counts at most the time of two lines until the next line. */
  awake(): number {
    return this.awakeThen + Math.min(monotonic() - this.lastLine, 2 * PACE);
  }

  /** How much is done, such as `37 % of 20.00 GiB`. */
  reached(): string {
    const { size } = this.source;
    return `${size === 0 ? 100 : Math.floor((100 * this.done()) / size)} % of ${gib(size)}`;
  }

  logEnd(): void {
    const seconds = (monotonic() - this.started) / 1000;
    const amount = `${gib(this.sent)} in ${seconds.toFixed(1)} s (${rate(this.sent, seconds)})`;
    this.log.info(`Uploaded ${amount}${this.saved()}${this.trouble()}.`);
  }

  private logLine(): void {
    const at = monotonic();
    const done = this.done();
    const { moves } = this;
    const still = moves === this.before.moves && done === this.before.done;
    const speed = still
      ? `nothing sent or accepted for ${duration((at - this.before.at) / 1000)}`
      : `${rate(moves - this.before.moves, (at - this.lastLine) / 1000)} now${this.average((at - this.started) / 1000)}`;
    const amounts = `${gib(this.sent)} sent, ${gib(this.underWay)} under way`;
    this.log.info(`${this.reached()}: ${amounts}, ${speed}${this.saved()}${this.trouble()}.`);
    if (!still) this.before = { at, moves, done };
    this.awakeThen = this.awake();
    this.lastLine = at;
  }

  /** The average rate of what was accepted, and how long the rest of the data takes at this rate. */
  private average(seconds: number): string {
    if (this.sent === 0) return '';
    const rest = this.toSend - this.sent + this.unsearched();
    return `, ${rate(this.sent, seconds)} overall, ${duration((rest * seconds) / this.sent)} left`;
  }

  /** Bytes after `searched` that may be data. */
  private unsearched(): number {
    const { size, extents = [{ offset: 0, length: size }] } = this.source;
    const behind = (offset: number, length: number) => Math.max(0, offset + length - Math.max(offset, this.searched));
    return extents.reduce((sum, { offset, length }) => sum + behind(offset, length), 0);
  }

  private done(): number {
    return this.sent + this.copied + this.kept;
  }

  private saved(): string {
    return (
      (this.copied === 0 ? '' : `, ${gib(this.copied)} of zeros not sent`) +
      (this.kept === 0 ? '' : `, ${gib(this.kept)} already there`)
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
