import type { CloudError } from '../cloud/errors.ts';
import { monotonic } from '../cloud/time.ts';
import type { CallOptions } from './wire.ts';
import type { Progress } from './progress.ts';
import { nextWidth, type Wave } from './width.ts';

/** The upload gives up when no part was accepted for this long, in ms, or for longer where the line is known to be slow. */
const PATIENCE = 15 * 60_000;
/** A try has stalled when nothing moved for this long, in ms, at the least; and while nothing is known of the line. */
const STALL = { least: 30_000, unmeasured: 600_000 };

/** How the parts of an upload fare: what was accepted and what failed, how fast, and whether there is still hope. */
export class Pace {
  private readonly progress: Progress;
  private wave = { accepted: 0, bytes: 0, failed: 0, throttled: false, began: monotonic() };
  private widthNow: number;
  /** Tries that were under way when the service asked to slow down: what becomes of them says nothing new. */
  private stale = 0;
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
   * How long a try may stand still, in ms: its bytes may lie in the kernel or in a proxy, behind those of all others.
   * @param waits - whether all of its bytes have left and only the answer is missing
   */
  stall(waits: boolean): number {
    const rate = this.rate();
    if (rate === 0) return waits ? STALL.unmeasured : STALL.least;
    // Never longer than while nothing is known: a line that was nearly dead may come back.
    return Math.min(STALL.unmeasured, Math.max(STALL.least, (2_000 * this.underWay) / rate));
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
          this.decide({ failed: 1, throttled: status === 503 || /Throttl|SlowDown|Limit/.test(code) });
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

  /** Adds to the wave, which ends when it has seen as many parts as may be under way, or when the service asks to slow down. */
  private decide({ accepted = 0, bytes = 0, failed = 0, throttled = false }: Partial<typeof this.wave>): void {
    const { wave, widthNow } = this;
    wave.accepted += accepted;
    wave.bytes += bytes;
    if (this.stale > 0) {
      this.stale -= 1;
      return;
    }
    wave.failed += failed;
    wave.throttled ||= throttled;
    if (!wave.throttled && wave.accepted + wave.failed < widthNow) return;
    const seconds = Math.max(monotonic() - wave.began, 1) / 1000;
    const seen: Wave = { ...wave, rate: wave.bytes / seconds };
    this.widthNow = nextWidth(widthNow, seen, this.waveRate);
    if (wave.accepted > 0 && !wave.throttled) this.waveRate = seen.rate;
    if (wave.throttled) this.stale = widthNow - 1;
    this.wave = { accepted: 0, bytes: 0, failed: 0, throttled: false, began: monotonic() };
  }

  /** Bytes per second at which parts are accepted; of the first wave what is known so far, 0 without any. */
  private rate(): number {
    const { bytes, began } = this.wave;
    // Until the last one that was accepted: a line that stands still has not become slower.
    return this.waveRate > 0 ? this.waveRate : (1000 * bytes) / Math.max(this.lastGood - began, 1);
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
