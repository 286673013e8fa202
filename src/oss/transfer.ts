import pLimit from 'p-limit';
import { Copier } from './copier.ts';
import { cut, dataPart, type Part } from './cut.ts';
import type { Checker } from './join.ts';
import { Pace } from './pace.ts';
import { blocks } from './reader.ts';
import { Sender, type StoredPart } from './sender.ts';
import type { UploadJob } from './staging.ts';
import { firstWidth } from './width.ts';
import { COPIES } from './zeros.ts';

/** If copies fail for this long, in ms, the zeros are sent as data. */
const COPY_PATIENCE = 120_000;

/** Work of which the first failure stops the rest. */
class Group {
  private readonly stop = new AbortController();
  private readonly running = new Set<Promise<void>>();
  readonly signal = this.stop.signal;

  /** Resolves when this work has ended, whether it succeeded or failed. */
  add(work: Promise<void>): Promise<void> {
    const held = work
      .catch((error: unknown) => {
        this.fail(error);
      })
      .finally(() => this.running.delete(held));
    this.running.add(held);
    return held;
  }

  fail(error: unknown): void {
    this.stop.abort(error);
  }

  /** Waits until all work has ended. @throws the first failure */
  async wait(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
    this.signal.throwIfAborted();
  }
}

/**
 * Sends data parts and fills zero parts by copies inside the bucket. A part that fails for good stops the others.
 * @param stored - the parts that the upload already has
 * @returns all parts, in order
 * @throws CloudError `UploadGaveUp` after 15 minutes without an accepted part; at once for an error that no retry cures
 */
export async function transfer(job: UploadJob, stored: Checker): Promise<StoredPart[]> {
  const { oss, source, progress } = job;
  const group = new Group();
  const { signal } = group;
  const pace = new Pace(progress, { width: firstWidth(dataPart(source.size)), signal });
  // With a patience of their own, copies that fail for long do not end an upload whose data is accepted.
  const copyPace = new Pace(progress, { patience: COPY_PATIENCE, signal });
  const sender = new Sender(job, pace);
  const copier = new Copier(job, { data: pace.patient(oss), copies: copyPace.patient(oss) }, signal);
  const sent: StoredPart[] = [];
  const keep = (part: StoredPart): void => {
    sent[part.number - 1] = part;
  };
  const copies = pLimit(COPIES);
  const copyOrSend = async (part: Part) => (await copies(() => copier.copy(part))) ?? (await sender.send(part));
  const store = (part: Part): void => {
    if (!part.zero) void group.add(sender.send(part).then(keep));
    else for (const zero of copier.add(part)) void group.add(copyOrSend(zero).then(keep));
  };
  const check = async (part: Part): Promise<void> => {
    signal.throwIfAborted();
    const listed = await stored.check(part);
    if (listed === undefined) {
      store(part);
      return;
    }
    progress.kept += part.length;
    keep(listed);
  };

  try {
    // One check at a time, while missing parts are already being sent.
    const oneCheck = pLimit(1);
    const checks: Promise<void>[] = [];
    for await (const part of cut(blocks(source), source.size)) {
      progress.searched = part.offset + part.length;
      if (stored.lists(part)) {
        checks.push(group.add(oneCheck(() => check(part))));
      } else {
        if (!part.zero) await sender.room();
        store(part);
      }
      signal.throwIfAborted();
    }
    await Promise.all(checks);
    // There are too few zeros for a zero object.
    for (const part of copier.waiting) void group.add(sender.send(part).then(keep));
  } catch (error) {
    group.fail(error);
  }
  await group.wait();
  return sent;
}
