import type { CloudError } from '../cloud/errors.ts';
import type { Oss } from './client.ts';
import type { Stall } from './line.ts';
import type { CallOptions } from './wire.ts';
import type { Progress } from './progress.ts';
import { nextWidth, type Measured } from './width.ts';

/** How long an upload goes without an accepted part before it fails, in ms. On a line that is known to be slow, longer. */
const PATIENCE = 15 * 60_000;
/** Limits of the time that a try may stand still, in ms. */
const STALL = { least: 30_000, most: 600_000 };
const MIB = 1024 ** 2;

/** Measures how fast parts are accepted, and decides from it how many may be under way and when to give up. */
export class Pace {
  /** How many parts may be under way at a time. */
  width: number;
  private readonly progress: Progress;
  private wave: ReturnType<Pace['newWave']>;
  /** Tries that were under way when the width changed: their results say nothing about the new width. */
  private stale = 0;
  private before: Measured | undefined;
  /** Bytes per second of the last whole wave; 0 until there was one. */
  private waveRate = 0;
  /** Number of parts that are being stored, with those that wait for a slot or their next try. */
  private waiting = 0;
  /** Bytes of the parts whose try is running. */
  private underWay = 0;
  /** When a part was last accepted, or when the first of the waiting parts came. */
  private lastGood: number;
  /** When each running try began, the oldest first. */
  private readonly tries = new Set<{ began: number }>();

  private readonly least: number;
  private readonly signal: AbortSignal | undefined;

  /**
   * @param width - how many parts may be under way at first
   * @param patience - the time without an accepted part after which the upload gives up, in ms
   * @param signal - stops all calls
   */
  constructor(
    progress: Progress,
    { width = 1, patience = PATIENCE, signal }: { width?: number; patience?: number; signal?: AbortSignal } = {},
  ) {
    this.progress = progress;
    this.width = width;
    this.least = patience;
    this.signal = signal;
    this.wave = this.newWave();
    this.lastGood = progress.awake();
  }

  readonly stall: Stall = (waits, others) => {
    // On a thin line, a try waits for others. It has stalled only if they moved more than its fair share allows.
    if (others > 0 && others < Math.min(this.underWay, this.tries.size * MIB)) return STALL.most;
    if (!waits) return STALL.least;
    // The bytes may be in a buffer of the kernel or a proxy, behind those of all others.
    const rate = this.rate();
    return rate === 0 ? STALL.most : Math.min(STALL.most, Math.max(STALL.least, (2_000 * this.underWay) / rate));
  };

  /**
   * Stores a part of so many bytes by a call that is tried until the upload gives up.
   * @throws CloudError `UploadGaveUp`
   */
  async store<T>(bytes: number, call: (options: CallOptions) => Promise<T>): Promise<T> {
    if (this.waiting === 0) this.lastGood = this.progress.awake();
    this.waiting += 1;
    let gaveUp = false as boolean;
    try {
      const stored = await call({
        ...(this.signal && { signal: this.signal }),
        givesUp: () => (gaveUp = this.hopeless()),
        onRetry: ({ code, status, message }) => {
          this.decide({
            failed: 1,
            throttled: status === 503 || status === 429 || /Throttl|SlowDown|Limit/.test(code),
          });
          this.progress.retried(`${code}: ${message}`);
        },
      });
      this.lastGood = this.progress.awake();
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

  /** The same client, whose calls are tried until the upload gives up. */
  patient(oss: Oss): Oss {
    const call: Oss['call'] = (operation, run, options) =>
      this.store(0, (limits) => oss.call(operation, run, { ...limits, ...options }));
    return { ...oss, call };
  }

  /** Runs one try of a part of so many bytes. */
  async watched<T>(bytes: number, run: () => Promise<T>): Promise<T> {
    const one = { began: this.progress.awake() };
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
      if (this.stale === 0) this.wave = this.newWave();
      return;
    }
    const { wave, width } = this;
    wave.accepted += accepted;
    wave.bytes += bytes;
    wave.failed += failed;
    wave.throttled ||= throttled;
    if (!wave.throttled && wave.accepted + wave.failed < width) return;
    const rate = (1000 * wave.bytes) / Math.max(this.progress.awake() - wave.began, 1);
    this.width = nextWidth({ ...wave, width, rate }, this.before);
    this.before = wave.accepted > 0 && !wave.throttled ? { width, rate } : undefined;
    if (this.before !== undefined) this.waveRate = rate;
    if (wave.throttled || this.width !== width) this.stale = width - 1;
    this.wave = this.newWave();
  }

  /** Bytes per second at which parts are accepted: in the last whole wave, or in this one if that is less; 0 if unknown. */
  private rate(): number {
    const { bytes, began } = this.wave;
    if (bytes === 0) return this.waveRate;
    // Measured up to the last accepted part, so that a pause does not lower the rate.
    return Math.min((1000 * bytes) / Math.max(this.lastGood - began, 1), this.waveRate || Infinity);
  }

  private patience(): number {
    const rate = this.rate();
    return rate === 0 ? this.least : Math.max(this.least, (2_000 * this.underWay) / rate);
  }

  /** A large part on a slow line can take longer than the patience. The upload goes on while such a part is being sent. */
  private hopeless(): boolean {
    const now = this.progress.awake();
    const [oldest = { began: now }] = this.tries;
    const patience = this.patience();
    return now - this.lastGood > patience && now - oldest.began <= patience;
  }

  private newWave() {
    return { accepted: 0, bytes: 0, failed: 0, throttled: false, began: this.progress.awake() };
  }
}
