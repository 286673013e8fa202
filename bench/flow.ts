/**
 * The sending side of one TCP connection over a long line, as numbers only: how much may leave now, and when it arrives.
 * - ten segments at first and slow start (RFC 6928, RFC 5681), CUBIC growth with its Reno-friendly floor (RFC 9438)
 * - a random loss delays its bytes by one round trip and takes 30 % of the window, once per window
 * - back to slow start after an idle retransmission time-out, as Linux does
 * There is no queue that overflows: the caps shape, they do not drop. Times in ms, rates in bytes per second.
 */
export interface Line {
  rtt: number;
  /** Cap of each connection. */
  perConnection: number;
  /** Cap of all connections together. */
  link: number;
  /** What is left of that for a while, counted from when the first connection opens, in ms. */
  drop?: { from: number; until: number; link: number };
  /** Probability that a segment is lost. */
  loss: number;
  seed: number;
}

/** A rate that no cap holds back: JSON knows no infinity. */
export const UNCAPPED = 1e12;

const SEGMENT = 1448;
const INITIAL_WINDOW = 10;
/** CUBIC's constants of RFC 9438: what is left after a loss, and the steepness. */
const BETA = 0.7;
const CUBIC_C = 0.4;
const RENO_FRIENDLY = (3 * (1 - BETA)) / (1 + BETA);
/** Linux: the retransmission time-out is the round trip and at least this much. */
const LEAST_TIMEOUT = 200;
/** What a bucket holds at most, in ms of its rate: a timer that is late by less loses nothing. */
const BURST = 100;

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A token bucket. */
export class Bucket {
  readonly #rate: number;
  #tokens = 0;
  #at: number;

  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#at = now;
  }

  available(now: number): number {
    const most = (this.#rate * BURST) / 1000;
    this.#tokens = Math.min(most, this.#tokens + (this.#rate * (now - this.#at)) / 1000);
    this.#at = now;
    return this.#tokens;
  }

  take(bytes: number): void {
    this.#tokens -= bytes;
  }

  /** Forgets what was not used. */
  empty(now: number): void {
    this.#tokens = Math.min(0, this.#tokens);
    this.#at = now;
  }
}

interface Flight {
  sent: number;
  bytes: number;
  lost: boolean;
}

export class Flow {
  readonly #line: Line;
  readonly #random: () => number;
  readonly #cap: Bucket;
  readonly #flights: Flight[] = [];
  #window = INITIAL_WINDOW;
  #threshold = Infinity;
  #inFlight = 0;
  #lastSent: number;
  #lastArrival = 0;
  #lastAck: number;
  #recovering = 0;
  /** Start and size of CUBIC's curve. */
  #epoch = 0;
  #before = 0;
  #windowBound = false;

  constructor(line: Line, random: () => number, now: number) {
    this.#line = line;
    this.#random = random;
    this.#cap = new Bucket(line.perConnection, now);
    this.#lastSent = now;
    this.#lastAck = now;
  }

  /** There is something to send again: a cap leaves no credit for the time without. */
  wake(now: number): void {
    this.#cap.empty(now);
  }

  /** How many bytes may leave now. */
  allowance(now: number): number {
    this.#acknowledge(now);
    const idle = now - this.#lastSent > this.#line.rtt + LEAST_TIMEOUT;
    if (idle && this.#inFlight === 0 && this.#window > INITIAL_WINDOW) {
      this.#threshold = Math.max(this.#threshold === Infinity ? 0 : this.#threshold, this.#window * 0.75);
      this.#window = INITIAL_WINDOW;
    }
    const byWindow = this.#window * SEGMENT - this.#inFlight;
    const byCap = this.#cap.available(now);
    if (byWindow < byCap) this.#windowBound = true;
    return Math.max(0, Math.floor(Math.min(byWindow, byCap)));
  }

  /** Sends that many bytes and says when they arrive, which is never before what was sent earlier. */
  send(bytes: number, now: number): number {
    const { rtt, loss } = this.#line;
    const lost = this.#random() > (1 - loss) ** (bytes / SEGMENT);
    this.#flights.push({ sent: now, bytes, lost });
    this.#inFlight += bytes;
    this.#cap.take(bytes);
    this.#lastSent = now;
    this.#lastArrival = Math.max(this.#lastArrival, now + rtt / 2 + (lost ? rtt : 0));
    return this.#lastArrival;
  }

  #acknowledge(now: number): void {
    for (
      let flight = this.#flights[0];
      flight !== undefined && flight.sent + this.#line.rtt <= now;
      flight = this.#flights[0]
    ) {
      this.#flights.shift();
      this.#inFlight -= flight.bytes;
      const at = flight.sent + this.#line.rtt;
      if (flight.lost && flight.sent >= this.#recovering) this.#shrink(at);
      else this.#grow(flight.bytes / SEGMENT, at);
      this.#lastAck = at;
    }
  }

  #shrink(now: number): void {
    this.#before = this.#window;
    this.#window = Math.max(2, this.#window * BETA);
    this.#threshold = this.#window;
    this.#epoch = now;
    this.#recovering = now;
  }

  #grow(segments: number, now: number): void {
    // A window that is not used up does not grow (RFC 7661), and CUBIC's clock stands still meanwhile.
    if (!this.#windowBound) this.#epoch += now - this.#lastAck;
    else if (this.#window < this.#threshold) this.#window += segments;
    else this.#window = Math.max(this.#window, this.#cubic((now - this.#epoch) / 1000));
    if (this.#inFlight < this.#window * SEGMENT * 0.5) this.#windowBound = false;
  }

  /** The window `t` seconds after the last loss. */
  #cubic(t: number): number {
    const k = Math.cbrt((this.#before * (1 - BETA)) / CUBIC_C);
    const curve = CUBIC_C * (t - k) ** 3 + this.#before;
    const reno = this.#before * BETA + (RENO_FRIENDLY * t * 1000) / this.#line.rtt;
    return Math.max(curve, reno);
  }
}
