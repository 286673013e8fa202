import { CloudError, isDenied } from '../cloud/errors.ts';
import { remedy } from '../cloud/retry.ts';
import { zerosCrc } from './crc64.ts';
import { zeroPart, type Part } from './cut.ts';
import type { StoredPart } from './sender.ts';
import type { UploadJob } from './staging.ts';
import { copyPart, makeZeros, type Clients } from './zeros.ts';

/** Fewer zeros than this, in bytes, are not worth a zero object. */
const WORTH = 8 * 1024 ** 2;

/** Fills zero parts by copies inside the bucket, once there are enough of them to be worth it. */
export class Copier {
  /** Parts that wait until a zero object is worth it. */
  readonly waiting: Part[] = [];
  private readonly job: UploadJob;
  private readonly clients: Clients;
  private readonly signal: AbortSignal;
  private found = 0;
  private object: Promise<string | undefined> | undefined;
  private refused = false;

  constructor(job: UploadJob, clients: Clients, signal: AbortSignal) {
    this.job = job;
    this.clients = clients;
    this.signal = signal;
  }

  /** Adds a zero part and returns the parts that can be copied now. */
  add(part: Part): Part[] {
    this.waiting.push(part);
    this.found += part.length;
    return this.found < WORTH ? [] : this.waiting.splice(0);
  }

  /** Copies a part. Returns undefined if the bucket refuses copies, so that the zeros have to be sent. @throws CloudError */
  async copy({ number, length }: Part): Promise<StoredPart | undefined> {
    const { key, uploadId, progress } = this.job;
    const object = await (this.object ??= this.make());
    if (object === undefined || this.refused) return undefined;
    const to = { key, uploadId, number, length };
    const copied = await this.unlessRefused(copyPart(this.clients.copies, object, to));
    if (copied === undefined) return undefined;
    progress.copied += length;
    return { ...copied, crc: zerosCrc(length), length };
  }

  private make(): Promise<string | undefined> {
    const { zeros, mark, source, onZeros, noZeros } = this.job;
    onZeros();
    const made = makeZeros(this.clients, zeros, zeroPart(source.size), mark).catch((error: unknown) => {
      if (isDenied(error) && error.operation === 'oss:PutObject') noZeros();
      throw error;
    });
    return this.unlessRefused(made);
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

/**
 * Whether copies failed for good, for two minutes, or with wrong content. If the upload itself is gone, sending the zeros as
 * data shows it.
 */
const isRefusal = (error: CloudError): boolean =>
  /^(UploadGaveUp|IntegrityMismatch)$/.test(error.code) || remedy(error) === 'none';
