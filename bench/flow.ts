/**
 * A model of the sending side of one TCP connection: how many bytes may be sent now, and when they arrive.
 * - It starts with ten segments and slow start (RFC 6928, RFC 5681) and grows by CUBIC, but not slower than Reno (RFC 9438).
 * - A random loss delays its bytes by one round trip and reduces the window by 30 %, once per window.
 * - It returns to slow start after an idle retransmission time-out, as Linux does.
 * No queue overflows: the caps delay bytes and never drop them. Times are in ms, rates in bytes per second.
 */
export interface Line {
  rtt: number;
  /** Cap of each connection. */
  perConnection: number;
  /** Cap of all connections together. */
  link: number;
  /** A lower cap for some time. The times are in ms from when the first connection opens. */
  drop?: { from: number; until: number; link: number };
  /** Probability that a segment is lost. */
  loss: number;
  seed: number;
}

/** A rate without a cap. JSON has no infinity. */
export const UNCAPPED = 1e12;

const SEGMENT = 1448;
const INITIAL_WINDOW = 10;
/** CUBIC's constants of RFC 9438: the part of the window that remains after a loss, and the steepness. */
const BETA = 0.7;
const CUBIC_C = 0.4;
const RENO_FRIENDLY = (3 * (1 - BETA)) / (1 + BETA);
/** In Linux, the retransmission time-out is the round trip plus at least this, in ms. */
const LEAST_TIMEOUT = 200;
/** The capacity of a bucket, in ms of its rate. A timer that is late by less loses nothing. */
const BURST = 100;

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
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

  /** Discards unused tokens. */
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

  /** Call this when there is something to send again. The cap gives no credit for the idle time. */
  wake(now: number): void {
    this.#cap.empty(now);
  }

  /** How many bytes may be sent now. */
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

  /** Sends this many bytes. @returns when they arrive, which is never before earlier bytes */
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
    // A window that is not used up does not grow (RFC 7661), and CUBIC's clock stops meanwhile.
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
