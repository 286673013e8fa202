import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packDisk, unpackDisk } from '../../scripts/packed-disk.ts';

const MIB = 1024 ** 2;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disk-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('unpacks what was packed, holes as holes', async () => {
  const disk = Buffer.alloc(8 * MIB);
  disk.write('first');
  disk.fill('middle ', 3 * MIB - 100, 4 * MIB + 5000);
  disk[disk.length - 1] = 1;
  await writeFile(join(folder, 'disk'), disk);
  const packed = await packDisk(join(folder, 'disk'));
  await unpackDisk(packed, join(folder, 'copy'));
  expect(disk.equals(await readFile(join(folder, 'copy')))).toBe(true);
  expect((await stat(join(folder, 'copy'))).blocks * 512).toBeLessThan(2 * MIB);
  expect((await packDisk(join(folder, 'copy'))).equals(packed)).toBe(true);
});

it('holds a disk with a GPT at both ends and an ext4 root', async () => {
  const disk = join(folder, 'disk');
  await unpackDisk(await readFile(new URL('../../scripts/fixture.img.gz', import.meta.url)), disk);
  const { size, blocks } = await stat(disk);
  expect(size).toBe(4096 * MIB);
  expect(blocks * 512).toBeLessThan(64 * MIB);
  const file = await open(disk);
  const at = async (offset: number, length: number) =>
    (await file.read(Buffer.alloc(length), 0, length, offset)).buffer.toString('latin1');
  expect(await at(510, 2)).toBe('\x55\xaa');
  expect(await at(512, 8)).toBe('EFI PART');
  expect(await at(size - 512, 8)).toBe('EFI PART');
  expect(await at(2 * MIB + 1024 + 56, 2)).toBe('\x53\xef');
  await file.close();
});
