import { describe, expect, it, test } from 'vitest';
import { file, GiB, judge, problems, qcow2 } from './build.ts';

describe('QCOW2', () => {
  it('reports the size of the disk', async () => {
    expect(await judge(file('d', qcow2()))).toMatchObject({ format: 'QCOW2', virtualSize: 40 * GiB });
  });

  const u32 = (value: number, at: number) => (image: Buffer) => image.writeUInt32BE(value, at);
  const u64 = (value: bigint, at: number) => (image: Buffer) => image.writeBigUInt64BE(value, at);
  test.each([
    ['version 4', u32(4, 4), /version 4 is unknown/],
    ['clusters of 256 bytes', u32(8, 20), /2\^8 bytes/],
    ['clusters of 4 MiB', u32(22, 20), /2\^22 bytes/],
    ['no size', u64(0n, 24), /a disk of 0 bytes/],
    ['an impossible size', u64(2n ** 63n, 24), /a disk of more than 8 PiB/],
    ['a short header', u32(96, 100), /its own length as 96 bytes/],
    ['encryption', u32(2, 32), /is encrypted/],
    ['the dirty bit', u64(1n, 72), /not closed cleanly.*qemu-img check -r all /],
    ['the corrupt bit', u64(2n, 72), /not closed cleanly/],
    ['an external data file', u64(4n, 72), /external data file/],
    ['zstd', u64(8n, 72), /zlib, the only compression.*qemu-img convert -f qcow2 /],
    ['subclusters', u64(16n, 72), /extended L2 entries/],
    ['an unknown feature', u64(1n << 40n, 72), /incompatible features/],
    ['a short L1 table', u32(79, 36), /79 entries, too few/],
    ['an L1 table beyond the end', u64(2n ** 62n, 40), /ends before its L1 table/],
    ['no refcount table', u32(0, 56), /refcount table .* damaged/],
    [
      'a cluster beyond the end',
      (image: Buffer) => image.writeUInt16BE(1, 2 * 65536 + 10),
      /cut off: it uses 327681 bytes/,
    ],
  ])('refuses %s', async (_, change, message) => {
    expect(await problems(file('d.qcow2', qcow2(40 * GiB, change)))).toMatch(message);
  });

  it('prints the name of the backing file on one line', async () => {
    const change = (image: Buffer) => {
      image.writeBigUInt64BE(512n, 8);
      image.writeUInt32BE(20, 16);
      image.write('base\n::error::\x1b[31m!', 512);
    };
    const text = await problems(file('d.qcow2', qcow2(GiB, change)));
    expect(text).toContain(String.raw`backing file base\u{a}::error::\u{1b}[31m!,`);
    expect(text.split('\n')).toHaveLength(1);
  });

  it('reports all problems at once', async () => {
    const change = (image: Buffer) => {
      u32(2, 32)(image);
      u64(8n, 72)(image);
    };
    expect((await problems(file('d.qcow2', qcow2(GiB, change)), 'RAW')).split('\n')).toHaveLength(3);
  });
});
