import type { CloudError } from '../cloud/errors.ts';
import { monotonic } from '../cloud/time.ts';
import type { CallOptions } from './wire.ts';
import type { Progress } from './progress.ts';
import { nextWidth, type Measured } from './width.ts';

/** The upload gives up when no part was accepted for this long, in ms, or for longer where the line is known to be slow. */
const PATIENCE = 15 * 60_000;
/** A try has stalled when nothing of it has moved for this long, in ms. Between the two, the state of the line decides. */
const STALL = { least: 30_000, most: 600_000 };
const MIB = 1024 ** 2;

/** How the parts of an upload fare: what was accepted and what failed, how fast, and whether there is still hope. */
export class Pace {
  private readonly progress: Progress;
  private wave = newWave();
  private widthNow: number;
  /** Tries that were under way when the width changed: how they end tells nothing about the new width. */
  private stale = 0;
  private before: Measured | undefined;
  /** Bytes per second of the last whole wave; 0 until there was one. */
  private waveRate = 0;
  /** Bytes of parts that are to be stored, waiting ones included, and of those whose try is under way. */
  private waiting = 0;
  private underWay = 0;
  /** When a part was last accepted, or the first of those that wait began to. */
  private lastGood = monotonic();
  /** When each try under way began, the oldest first. */
  private readonly tries = new Set<{ began: number }>();

  private readonly least: number;

  /**
   * @param width - how many parts may be under way at first
   * @param patience - longest time without an accepted part on a line that is not known to be slow, in ms
   */
  constructor(progress: Progress, width = 1, patience = PATIENCE) {
    this.progress = progress;
    this.widthNow = width;
    this.least = patience;
  }

  /** How many parts may be under way. */
  width(): number {
    return this.widthNow;
  }

  /**
   * How long a try may stand still, in ms.
   * @param waits - whether all of its bytes have left and only the answer is missing
   * @param others - bytes that left on other connections meanwhile
   */
  stall(waits: boolean, others: number): number {
    // A thin line serves one connection after another. A try has stalled only once the others had more than their share.
    if (others > 0 && others < Math.min(this.underWay, this.tries.size * MIB)) return STALL.most;
    if (!waits) return STALL.least;
    // The bytes may be in a buffer of the kernel or a proxy, behind those of all others.
    const rate = this.rate();
    return rate === 0 ? STALL.most : Math.min(STALL.most, Math.max(STALL.least, (2_000 * this.underWay) / rate));
  }

  /** Runs a call that stores a part of so many bytes, with tries until there is no hope. @throws CloudError `UploadGaveUp` */
  async store<T>(bytes: number, call: (options: CallOptions) => Promise<T>): Promise<T> {
    if (this.waiting === 0) this.lastGood = monotonic();
    this.waiting += 1;
    let gaveUp = false as boolean;
    try {
      const stored = await call({
        givesUp: () => (gaveUp = this.hopeless()),
        onRetry: ({ code, status, message }) => {
          this.decide({
            failed: 1,
            throttled: status === 503 || status === 429 || /Throttl|SlowDown|Limit/.test(code),
          });
          this.progress.retried(`${code}: ${message}`);
        },
      });
      this.lastGood = monotonic();
      this.decide({ accepted: 1, bytes });
      return stored;
    } catch (error) {
      if (!gaveUp) throw error;
      const last = error as CloudError;
      const minutes = Math.round(this.patience() / 60_000);
      throw last.reworded(
        `no part was accepted for ${minutes} minutes; last: ${last.code}: ${last.message}`,
        'UploadGaveUp',
      );
    } finally {
      this.waiting -= 1;
    }
  }

  /** Runs one try of a part of so many bytes. */
  async watched<T>(bytes: number, run: () => Promise<T>): Promise<T> {
    const one = { began: monotonic() };
    this.tries.add(one);
    this.underWay += bytes;
    try {
      return await run();
    } finally {
      this.underWay -= bytes;
      this.tries.delete(one);
    }
  }

  /** Adds to the wave. It ends when it has seen as many parts as may be under way, or when the service asks to slow down. */
  private decide({ accepted = 0, bytes = 0, failed = 0, throttled = false }: Partial<typeof this.wave>): void {
    if (this.stale > 0) {
      this.stale -= 1;
      if (this.stale === 0) this.wave = newWave();
      return;
    }
    const { wave, widthNow: width } = this;
    wave.accepted += accepted;
    wave.bytes += bytes;
    wave.failed += failed;
    wave.throttled ||= throttled;
    if (!wave.throttled && wave.accepted + wave.failed < width) return;
    const rate = (1000 * wave.bytes) / Math.max(monotonic() - wave.began, 1);
    this.widthNow = nextWidth({ ...wave, width, rate }, this.before);
    this.before = wave.accepted > 0 && !wave.throttled ? { width, rate } : undefined;
    if (this.before !== undefined) this.waveRate = rate;
    if (wave.throttled || this.widthNow !== width) this.stale = width - 1;
    this.wave = newWave();
  }

  /** Bytes per second at which parts are accepted: in the last whole wave, or in this one if that is less; 0 if unknown. */
  private rate(): number {
    const { bytes, began } = this.wave;
    if (bytes === 0) return this.waveRate;
    // Until the last one that was accepted: a line that stands still has not become slower.
    return Math.min((1000 * bytes) / Math.max(this.lastGood - began, 1), this.waveRate || Infinity);
  }

  private patience(): number {
    const rate = this.rate();
    return rate === 0 ? this.least : Math.max(this.least, (2_000 * this.underWay) / rate);
  }

  /** A large part on a slow line takes longer than our patience: as long as its bytes move, it may yet be accepted. */
  private hopeless(): boolean {
    const [oldest] = this.tries;
    const patience = this.patience();
    return monotonic() - this.lastGood > patience && monotonic() - (oldest?.began ?? monotonic()) <= patience;
  }
}

const newWave = () => ({ accepted: 0, bytes: 0, failed: 0, throttled: false, began: monotonic() });
