import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { DiskError } from '../disk.ts';
import { AGAIN, shellQuote } from '../text.ts';

const LINE = /^(SHA1|SHA256)\s*\((.+)\)\s*=\s*([0-9a-f]+)\s*$/gim;

/**
 * Computes both checksums that the manifest of an OVA may have for a member. The manifest may come after the member.
 * Format: Open Virtualization Format (DMTF DSP0243), "OVF package manifest file".
 */
export class Checksums {
  readonly #hashes = { SHA1: createHash('sha1'), SHA256: createHash('sha256') };

  /** Passes the bytes of the member on. */
  async *of(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      for (const hash of Object.values(this.#hashes)) hash.update(chunk);
      yield chunk;
    }
  }

  /** Call it once, after the last byte. @throws DiskError when the manifest gives another checksum for the member */
  check(manifest: string, name: string): void {
    const sums = { SHA1: this.#hashes.SHA1.digest('hex'), SHA256: this.#hashes.SHA256.digest('hex') };
    for (const [, algorithm = '', file, sum = ''] of manifest.matchAll(LINE))
      if (file === basename(name) && sums[algorithm.toUpperCase() as keyof typeof sums] !== sum.toLowerCase())
        throw new DiskError([`${shellQuote(name)} does not have the ${algorithm} that the manifest gives. ${AGAIN}`]);
  }
}
