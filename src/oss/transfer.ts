import pLimit from 'p-limit';
import { Copier, type CopyTarget } from './copier.ts';
import { cut, dataPart, type Part } from './cut.ts';
import type { Checker } from './join.ts';
import { firstWidth, MOST } from './width.ts';
import { Pace } from './pace.ts';
import { blocks } from './reader.ts';
import { openSender, type Sent } from './sender.ts';
import { COPIES } from './zeros.ts';

export interface Transfer extends CopyTarget {
  /** What an earlier try has stored. */
  stored: Checker;
}

/** Copies that keep failing for this long, in ms, are refused copies: the zeros are sent as data. */
const COPY_PATIENCE = 120_000;
/** Data parts that wait for a place or a further try: a long search for data must not leave the line idle. */
const AHEAD = 128;

/**
 * Sends a file part by part, zeros as copies inside the bucket. One lost part stops the others.
 * @returns all parts, in order
 * @throws CloudError `UploadGaveUp` after 15 minutes in which no part was accepted; at once what no retry can cure
 */
export async function transfer(job: Transfer): Promise<Sent[]> {
  const { source, progress } = job;
  const stop = new AbortController();
  const pace = new Pace(progress, firstWidth(dataPart(source.size)));
  const uploads = pLimit(pace.width());
  const copies = pLimit(COPIES);
  const slots = <T>(run: () => Promise<T>): Promise<T> => {
    uploads.concurrency = pace.width();
    return uploads(run);
  };
  const send = openSender(job, pace, slots, stop.signal);
  // Copies that fail for long must not end an upload whose data travels, nor the other way round.
  const copier = new Copier(job, pace, new Pace(progress, COPIES, COPY_PATIENCE), stop.signal);
  const sent: Sent[] = [];
  const working = new Set<Promise<void>>();
  const hold = (work: Promise<void>): Promise<void> => {
    const held = work
      .catch((error: unknown) => {
        stop.abort(error);
      })
      .finally(() => working.delete(held));
    working.add(held);
    return held;
  };
  const track = (work: Promise<Sent>): void => {
    void hold(
      work.then((part) => {
        sent[part.number - 1] = part;
      }),
    );
  };
  let unsent = 0;
  let roomForMore = (): void => undefined;
  const asData = async (part: Part): Promise<Sent> => {
    unsent += 1;
    progress.travels(part.length);
    try {
      return await send(part);
    } finally {
      unsent -= 1;
      roomForMore();
    }
  };
  const asCopy = async (part: Part) => (await copies(() => copier.copy(part))) ?? (await asData(part));
  const dispatch = (part: Part): void => {
    if (!part.zero) track(asData(part));
    else for (const zero of copier.wait(part)) track(asCopy(zero));
  };
  // One at a time, beside what is sent: the line does not wait until all that is listed has been read.
  const checks = pLimit(1);
  const check = async (part: Part): Promise<void> => {
    stop.signal.throwIfAborted();
    const stored = await job.stored.check(part);
    if (stored === undefined) {
      dispatch(part);
      return;
    }
    progress.found(part.length);
    sent[part.number - 1] = { number: part.number, length: part.length, ...stored };
  };

  try {
    const checked: Promise<void>[] = [];
    for await (const part of cut(blocks(source), source.size)) {
      progress.cutUpTo(part.offset + part.length);
      if (job.stored.lists(part)) {
        checked.push(hold(checks(() => check(part))));
      } else {
        while (!part.zero && unsent >= MOST + AHEAD) await new Promise<void>((resolve) => (roomForMore = resolve));
        dispatch(part);
      }
      stop.signal.throwIfAborted();
    }
    await Promise.all(checked);
    // Too few zeros for a zero object: they travel.
    for (const part of copier.waiting) track(asData(part));
    await settled(working);
    stop.signal.throwIfAborted();
  } catch (error) {
    stop.abort(error);
    await settled(working);
    throw stop.signal.reason;
  }
  return sent;
}

async function settled(working: Set<Promise<void>>): Promise<void> {
  while (working.size > 0) await Promise.all(working);
}
