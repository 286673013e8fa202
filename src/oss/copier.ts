import { CloudError } from '../cloud/errors.ts';
import { remedy } from '../cloud/retry.ts';
import { zerosCrc } from './crc64.ts';
import { zeroPart, type Part } from './cut.ts';
import type { Pace } from './pace.ts';
import type { Sent, Target } from './sender.ts';
import { copyPart, makeZeros, type Attempts } from './zeros.ts';

/** Fewer zeros than this, in bytes, are not worth a zero object. */
const WORTH = 8 * 1024 ** 2;

export interface CopyTarget extends Target {
  /** What the keys of zero object and seed begin with. */
  zeros: string;
  /** Called before a zero object is made. */
  onZeros: () => void;
}

/** Fills zero parts by copies inside the bucket, once there are enough of them to be worth it. */
export class Copier {
  /** Parts that wait until a zero object is worth it. */
  readonly waiting: Part[] = [];
  private readonly job: CopyTarget;
  private readonly uploads: Pace;
  private readonly copies: Pace;
  private readonly signal: AbortSignal;
  private found = 0;
  private object: Promise<string | undefined> | undefined;
  private refused = false;

  constructor(job: CopyTarget, uploads: Pace, copies: Pace, signal: AbortSignal) {
    this.job = job;
    this.uploads = uploads;
    this.copies = copies;
    this.signal = signal;
  }

  /** Takes a zero part; gives back those that can be copied now. */
  wait(part: Part): Part[] {
    this.waiting.push(part);
    this.found += part.length;
    return this.found < WORTH ? [] : this.waiting.splice(0);
  }

  /** Copies a part; undefined where the bucket refuses it and the zeros must travel. @throws CloudError */
  async copy({ number, length }: Part): Promise<Sent | undefined> {
    const { oss, key, uploadId, progress } = this.job;
    const object = await (this.object ??= this.make());
    if (object === undefined || this.refused) return undefined;
    const to = { key, uploadId, number, length };
    const copied = await this.unlessRefused(() =>
      this.attempts(this.copies)((options) => copyPart(oss, object, to, options)),
    );
    if (copied === undefined) return undefined;
    progress.copied(length);
    return { ...copied, crc: zerosCrc(length), length };
  }

  private make(): Promise<string | undefined> {
    const { oss, zeros, mark, source, onZeros } = this.job;
    onZeros();
    const length = zeroPart(source.size);
    const attempts = { uploads: this.attempts(this.uploads), copies: this.attempts(this.copies) };
    return this.unlessRefused(() => makeZeros(oss, zeros, length, mark, attempts));
  }

  private attempts(pace: Pace): Attempts {
    return (call) => pace.store(0, (options) => call({ ...options, signal: this.signal }));
  }

  /** A refusal (a policy, an endpoint that cannot copy) costs time, not the upload. */
  private async unlessRefused<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (this.signal.aborted || !(error instanceof CloudError) || !isRefusal(error)) throw error;
      if (!this.refused) this.job.oss.log.info(`No copies inside the bucket (${error.code}): zeros are sent as data.`);
      this.refused = true;
      return undefined;
    }
  }
}

/** No further try would end otherwise, or none has for two minutes; and it is copies that fail, not the upload. */
const isRefusal = (error: CloudError): boolean =>
  error.code === 'UploadGaveUp' || (remedy(error) === 'none' && error.code !== 'NoSuchUpload');
