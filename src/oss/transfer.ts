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
  /** Parts that the upload already has. */
  stored: Checker;
}

/** If copies fail for this long, in ms, the zeros are sent as data. */
const COPY_PATIENCE = 120_000;
/** Data parts that wait for a slot or their next try, so that a long search for data does not leave the connections idle. */
const AHEAD = 128;

/**
 * Sends data parts and fills zero parts by copies inside the bucket. A part that fails for good stops the others.
 * @returns all parts, in order
 * @throws CloudError `UploadGaveUp` after 15 minutes without an accepted part; at once for an error that no retry cures
 */
export async function transfer(job: Transfer): Promise<Sent[]> {
  const { source, progress } = job;
  const stop = new AbortController();
  const { signal } = stop;
  const pace = new Pace(progress, { width: firstWidth(dataPart(source.size)), signal });
  const uploads = pLimit(pace.width());
  const copies = pLimit(COPIES);
  const slots = <T>(run: () => Promise<T>): Promise<T> => {
    uploads.concurrency = pace.width();
    return uploads(run);
  };
  const send = openSender(job, pace, slots);
  // With a patience of their own, copies that fail for long do not end an upload whose data is accepted.
  const copyPace = new Pace(progress, { width: COPIES, patience: COPY_PATIENCE, signal });
  const copier = new Copier(job, { data: pace.patient(job.oss), copies: copyPace.patient(job.oss) }, signal);
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
    progress.toSend += part.length;
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
    else for (const zero of copier.add(part)) track(asCopy(zero));
  };
  // One check at a time, while missing parts are already being sent.
  const checks = pLimit(1);
  const check = async (part: Part): Promise<void> => {
    signal.throwIfAborted();
    const stored = await job.stored.check(part);
    if (stored === undefined) {
      dispatch(part);
      return;
    }
    progress.kept += part.length;
    sent[part.number - 1] = { number: part.number, length: part.length, ...stored };
  };

  try {
    const checked: Promise<void>[] = [];
    for await (const part of cut(blocks(source), source.size)) {
      progress.searched = part.offset + part.length;
      if (job.stored.lists(part)) {
        checked.push(hold(checks(() => check(part))));
      } else {
        while (!part.zero && unsent >= MOST + AHEAD) await new Promise<void>((resolve) => (roomForMore = resolve));
        dispatch(part);
      }
      stop.signal.throwIfAborted();
    }
    await Promise.all(checked);
    // There are too few zeros for a zero object.
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
