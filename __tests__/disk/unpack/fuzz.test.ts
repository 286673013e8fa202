import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DiskError } from '../../../src/disk/disk.ts';
import { MiB, scratch, sh } from '../build.ts';
import { hasTools, openPacked } from './unpack.ts';

/** Mutations of each format; `npm run test:matrix` tries 2,000 of each. */
const RUNS = process.env.MATRIX === 'whole' ? 2000 : 25;
const LIMIT = 64 * MiB;

const DISK = `truncate -s 2M disk.raw; printf 'label: dos\\n2048,1000,L,*\\n' | sfdisk -q disk.raw
  head -c 20000 /dev/urandom | dd of=disk.raw bs=64k seek=17 conv=notrunc status=none`;
const FORMATS: [string, string][] = [
  ['gzip', 'gzip -1c disk.raw > d'],
  ['zstd', 'zstd -qc disk.raw > d'],
  ['tar', 'tar --format=ustar -cf d disk.raw'],
  ['tar with a long name', 'n=$(printf "%0120d" 1); mv disk.raw $n; tar --format=gnu -cf d $n'],
  ['old sparse tar', 'tar --format=oldgnu -Scf d disk.raw'],
  ['sparse tar 1.0', 'tar --format=posix -Scf d disk.raw'],
  ['xz', 'xz -0c disk.raw > d'],
  ['bzip2', 'bzip2 -1c disk.raw > d'],
  ['OVA', 'qemu-img convert -O vmdk -o subformat=streamOptimized disk.raw v.vmdk; tar -cf d v.vmdk'],
  ['VMDK', 'qemu-img convert -O vmdk disk.raw d'],
  ['VMDK descriptor', 'qemu-img convert -O vmdk -o subformat=monolithicFlat disk.raw d'],
  ['VDI', 'qemu-img convert -O vdi disk.raw d'],
  ['VHDX', 'qemu-img convert -O vhdx disk.raw d'],
  ['QCOW2', 'qemu-img convert -c -O qcow2 -o compression_type=zstd disk.raw d'],
];

/** Mostly where headers are: at the start, at the end, and after the first blocks. */
const place = fc.oneof(
  { weight: 6, arbitrary: fc.nat(600) },
  { weight: 2, arbitrary: fc.nat(1024).map((at) => -at - 1) },
  { weight: 2, arbitrary: fc.nat(4 * 65536) },
);
const patch = fc.oneof(
  fc.constantFrom(0, 1, 0x30, 0x37, 0x7f, 0x80, 0xff).map((byte) => Buffer.alloc(8, byte)),
  fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
);
const mutation = fc.array(fc.tuple(place, patch), { minLength: 1, maxLength: 4 });

describe.skipIf(!hasTools)('a damaged container ends in a disk or a DiskError, within the limit', () => {
  test.each(FORMATS)('%s', { timeout: 1_200_000 }, async (_, script) => {
    const folder = scratch();
    sh(folder, `${DISK}; ${script}`);
    const sound = readFileSync(join(folder, 'd'));
    const beside = readdirSync(folder).sort();
    const property = fc.asyncProperty(mutation, async (changes) => {
      const copy = Buffer.from(sound);
      for (const [at, bytes] of changes) bytes.copy(copy, Math.max(0, at < 0 ? copy.length + at : at % copy.length));
      writeFileSync(join(folder, 'd'), copy);
      try {
        const disk = await openPacked(folder, 'd', { limit: LIMIT });
        expect(disk.size).toBeLessThanOrEqual(LIMIT);
        if (dirname(disk.path) !== folder) expect(statSync(disk.path).blocks * 512).toBeLessThanOrEqual(LIMIT);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
        for (const problem of error.problems) expect(problem).not.toMatch(/[\p{Cc}\p{Cf}]|undefined|NaN/u);
      }
      expect(readdirSync(folder).sort()).toEqual(beside);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});
