import { CloudError } from '../cloud/errors.ts';
import { remedy } from '../cloud/retry.ts';
import { zerosCrc } from './crc64.ts';
import { zeroPart, type Part } from './cut.ts';
import type { Sent, Target } from './sender.ts';
import { copyPart, makeZeros, type Attempts } from './zeros.ts';

/** Fewer zeros than this, in bytes, are not worth a zero object. */
const WORTH = 8 * 1024 ** 2;

export interface CopyTarget extends Target {
  /** Prefix of the keys of the zero object and its seed. */
  zeros: string;
  /** Called before a zero object is made. */
  onZeros: () => void;
}

/** Fills zero parts by copies inside the bucket, once there are enough of them to be worth it. */
export class Copier {
  /** Parts that wait until a zero object is worth it. */
  readonly waiting: Part[] = [];
  private readonly job: CopyTarget;
  private readonly attempts: { uploads: Attempts; copies: Attempts };
  private readonly signal: AbortSignal;
  private found = 0;
  private object: Promise<string | undefined> | undefined;
  private refused = false;

  constructor(job: CopyTarget, attempts: { uploads: Attempts; copies: Attempts }, signal: AbortSignal) {
    this.job = job;
    this.attempts = attempts;
    this.signal = signal;
  }

  /** Adds a zero part and returns the parts that can be copied now. */
  add(part: Part): Part[] {
    this.waiting.push(part);
    this.found += part.length;
    return this.found < WORTH ? [] : this.waiting.splice(0);
  }

  /** Copies a part. Returns undefined if the bucket refuses copies, so that the zeros have to be sent. @throws CloudError */
  async copy({ number, length }: Part): Promise<Sent | undefined> {
    const { oss, key, uploadId, progress } = this.job;
    const object = await (this.object ??= this.make());
    if (object === undefined || this.refused) return undefined;
    const to = { key, uploadId, number, length };
    const copied = await this.unlessRefused(this.attempts.copies((options) => copyPart(oss, object, to, options)));
    if (copied === undefined) return undefined;
    progress.copied += length;
    return { ...copied, crc: zerosCrc(length), length };
  }

  private make(): Promise<string | undefined> {
    const { oss, zeros, mark, source, onZeros } = this.job;
    onZeros();
    return this.unlessRefused(makeZeros(oss, zeros, zeroPart(source.size), mark, this.attempts));
  }

  /** A refusal, by a policy or by an endpoint that cannot copy, costs time but must not fail the upload. */
  private async unlessRefused<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (this.signal.aborted || !(error instanceof CloudError) || !isRefusal(error)) throw error;
      if (!this.refused) this.job.oss.log.info(`No copies inside the bucket (${error.code}): zeros are sent as data.`);
      this.refused = true;
      return undefined;
    }
  }
}

/** Whether copies failed for good or for two minutes, while the upload itself still exists. */
const isRefusal = (error: CloudError): boolean =>
  error.code === 'UploadGaveUp' || (remedy(error) === 'none' && error.code !== 'NoSuchUpload');
