import type { Log } from '../cloud/log.ts';
import { every, monotonic } from '../cloud/time.ts';
import type { Source } from './reader.ts';

const MIB = 1024 ** 2;
/** Time between two lines, in ms. */
const PACE = 12_000;

/** Counts what the upload does and says so now and then: enough to tell a slow line from a dead one. All in bytes. */
export class Progress {
  /** Of data parts that the service has accepted. */
  private sent = 0;
  /** Handed to the line in tries that are under way. */
  private underWay = 0;
  /** Handed to the line in all tries. */
  private moves = 0;
  private zeros = 0;
  /** Lay in the bucket already. */
  private kept = 0;
  /** Of data parts found so far that are not there already. */
  private mustTravel = 0;
  /** Where in the file the search for data stands. */
  private searched = 0;
  private retries = 0;
  private lastReason = '';
  private readonly source: Pick<Source, 'size' | 'extents'>;
  private readonly log: Log;
  private readonly started = monotonic();
  private readonly stop: () => void;
  /** When something was last seen to have moved, and what had until then. */
  private before = { at: this.started, moves: 0, done: 0 };
  private spoke = this.started;

  constructor(source: Pick<Source, 'size' | 'extents'>, log: Log) {
    this.source = source;
    this.log = log;
    this.stop = every(PACE, () => {
      this.say();
    });
  }

  /** Bytes handed over by a try. */
  moved(bytes: number): void {
    this.underWay += bytes;
    this.moves += bytes;
  }

  /** A try has ended that handed over so many bytes. @param accepted - whether they were accepted as a part */
  ended(bytes: number, accepted: boolean): void {
    this.underWay -= bytes;
    if (accepted) this.sent += bytes;
  }

  /** All before this offset has been cut into parts. */
  cutUpTo(offset: number): void {
    this.searched = offset;
  }

  /** A part that must travel. */
  travels(bytes: number): void {
    this.mustTravel += bytes;
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
    const { size } = this.source;
    return `${size === 0 ? 100 : Math.floor((100 * this.done()) / size)} % of ${gib(size)}`;
  }

  sayEnd(): void {
    const seconds = (monotonic() - this.started) / 1000;
    this.log.info(
      `Uploaded ${gib(this.sent)} in ${seconds.toFixed(1)} s (${rate(this.sent, seconds)})${this.saved()}${this.trouble()}.`,
    );
  }

  /** Says nothing any more. */
  cease(): void {
    this.stop();
  }

  private say(): void {
    const at = monotonic();
    const done = this.done();
    const { moves } = this;
    const still = moves === this.before.moves && done === this.before.done;
    const speed = still
      ? `nothing has moved for ${duration((at - this.before.at) / 1000)}`
      : `${rate(moves - this.before.moves, (at - this.spoke) / 1000)} now${this.average((at - this.started) / 1000)}`;
    const amounts = `${gib(this.sent)} sent, ${gib(this.underWay)} under way`;
    this.log.info(`${this.reached()}: ${amounts}, ${speed}${this.saved()}${this.trouble()}.`);
    if (!still) this.before = { at, moves, done };
    this.spoke = at;
  }

  /** What was accepted, on average, and how long the rest takes at that rate; only data has to travel. */
  private average(seconds: number): string {
    if (this.sent === 0) return '';
    const rest = this.mustTravel - this.sent + this.unsearched();
    return `, ${rate(this.sent, seconds)} overall, ${duration((rest * seconds) / this.sent)} left`;
  }

  /** Bytes that may be data in what has not been searched yet. */
  private unsearched(): number {
    const { size, extents = [{ offset: 0, length: size }] } = this.source;
    const behind = (offset: number, length: number) => Math.max(0, offset + length - Math.max(offset, this.searched));
    return extents.reduce((sum, { offset, length }) => sum + behind(offset, length), 0);
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
