import type { ClientRequest } from 'node:http';
import { every, monotonic } from '../cloud/time.ts';

/** Time between two checks of a connection, in ms. */
const CHECK_INTERVAL = 2_000;
/** If no watched connection has moved a byte for this long, in ms, waiting for the others no longer excuses a try. */
const SILENCE = 30_000;

/**
 * How long a try may stand still, in ms; called again and again.
 * @param waits - whether its whole body has left
 * @param others - bytes that left on other watched connections since it last moved; 0 if none did in the last 30 s
 */
export type Stall = (waits: boolean, others: number) => number;

/** Watches a request, and calls `stalled` once no byte has moved for too long. Returns a function that ends the watch. */
export type Watch = (request: ClientRequest, stalled: (seconds: number) => void) => () => void;

/** The connections of one client, which share the bandwidth. */
export class Line {
  /** Bytes that have moved over all watched connections. */
  private moved = 0;
  /** When the last of them did. */
  private at = 0;

  /** @param stall - how long the connection of the request may stand still */
  watch(stall: Stall, request: ClientRequest, stalled: (seconds: number) => void): () => void {
    let moved: number | undefined;
    let since = monotonic();
    let before = this.moved;
    const measure = (): void => {
      const { socket } = request;
      if (socket == null) return;
      // What waits in this process has not left.
      const left = socket.bytesWritten - socket.writableLength + socket.bytesRead;
      if (left === moved) return;
      since = monotonic();
      this.at = since;
      this.moved += left - (moved ?? left);
      before = this.moved;
      moved = left;
    };
    request.once('socket', measure);
    const stop = every(CHECK_INTERVAL, () => {
      measure();
      const still = monotonic() - since;
      const waits = request.writableEnded && request.socket?.writableLength === 0;
      const others = monotonic() - this.at < SILENCE ? this.moved - before : 0;
      if (still >= stall(waits, others)) stalled(still / 1000);
    });
    return () => {
      measure();
      stop();
    };
  }
}
