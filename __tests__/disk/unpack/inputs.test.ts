import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MiB } from '../build.ts';
import { DISK, hasTools, made, openPacked, refused } from './unpack.ts';

test.skipIf(!hasTools)('the format of the container is an error in the input format', async () => {
  const folder = made(`${DISK}; qemu-img convert -c -O qcow2 -o compression_type=zstd disk.raw d.qcow2; gzip disk.raw`);
  expect(await refused(folder, 'd.qcow2', { claimed: 'QCOW2' })).toMatch(/ECS gets RAW/);
  expect(await refused(folder, 'disk.raw.gz', { claimed: 'VHD' })).toMatch(/format is VHD, but the content is RAW/);
  const dry = { claimed: 'QCOW2', headersOnly: true } as const;
  expect(await refused(folder, 'disk.raw.gz', dry)).toMatch(/format is QCOW2, but the content is RAW/);
});

test.skipIf(!hasTools)('a dry run writes nothing', async () => {
  const folder = made(`${DISK}; qemu-img convert -O vmdk disk.raw d.vmdk; tar -Sczf d.tar.gz disk.raw; zstd -q disk.raw
    qemu-img convert -O qcow2 disk.raw d.qcow2; bzip2 d.qcow2`);
  for (const [name, format] of [
    ['d.vmdk', 'RAW'],
    ['d.tar.gz', 'RAW'],
    ['disk.raw.zst', 'RAW'],
    ['d.qcow2.bz2', 'QCOW2'],
  ] as const) {
    const disk = await openPacked(folder, name, { headersOnly: true });
    expect(disk).toMatchObject({ format, virtualSize: 8 * MiB, headersOnly: true });
    expect(disk.warnings).toEqual([expect.stringMatching(/only its headers were read/)]);
    expect(existsSync(disk.folder)).toBe(false);
  }
});
