import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { dynamicVhd, EFI, file, GiB, gpt, judge, MiB, problems, scratch, vhdFooter, write } from './build.ts';

describe('VHD', () => {
  it('inspects a fixed disk and its boot mode', async () => {
    const pieces = gpt({ size: 8 * MiB, types: [EFI] });
    const path = join(scratch(), 'd.vhd');
    await write(path, 8 * MiB + 512, [...pieces, [8 * MiB, vhdFooter({ size: 8 * MiB })]]);
    expect(await judge(path)).toMatchObject({ format: 'VHD', virtualSize: 8 * MiB, bootMode: 'UEFI', warnings: [] });
  });

  it('inspects a dynamic disk', async () => {
    const disk = await judge(file('d.vhd', dynamicVhd(40 * GiB)), 'VHD', false);
    expect(disk).toMatchObject({ format: 'VHD', virtualSize: 40 * GiB, warnings: [] });
  });

  const fixed = (footer: Buffer, data = 4 * MiB) => Buffer.concat([Buffer.alloc(data), footer]);
  const dynamic = (change: (image: Buffer) => void) => {
    const image = dynamicVhd(GiB);
    change(image);
    return image;
  };
  test.each([
    [
      'a truncated fixed disk',
      fixed(vhdFooter({ size: 8 * MiB })),
      /cut off: its disk has 8388608 bytes .* 4194304 bytes/,
    ],
    ['a footer for a smaller disk', fixed(vhdFooter({ size: 2 * MiB })), /its footer gives 2097152 bytes/],
    ['version 2', fixed(vhdFooter({ size: 4 * MiB, version: 2 })), /version 2, not 1/],
    ['a differencing disk', fixed(vhdFooter({ size: 4 * MiB, type: 4 })), /differencing .* Merge-VHD/],
    ['an unknown type', fixed(vhdFooter({ size: 4 * MiB, type: 7 })), /disk type 7/],
    ['no size', fixed(vhdFooter({ size: 0 })), /gives a disk of 0 bytes/],
    ['a disk that is too large for a VHD', fixed(vhdFooter({ size: 3000 * GiB })), /a VHD cannot have/],
    [
      'a wrong checksum',
      fixed(Buffer.from(vhdFooter({ size: 4 * MiB }).fill(1, 100, 101))),
      /checksum of the VHD footer/,
    ],
    ['no footer', dynamicVhd(GiB).subarray(0, -512), /has no footer at its end/],
    ['a header unlike the footer', dynamic((image) => image.writeUInt32BE(9, 60)), /header differs/],
    ['no dynamic header', dynamic((image) => image.write('xxsparse', 512)), /no dynamic disk header/],
    ['a wrong header checksum', dynamic((image) => image.writeUInt8(1, 700)), /checksum of the VHD's dynamic/],
    ['too few table entries', dynamicVhd(GiB, 511), /511 blocks .* InvalidVHDImage.IncorrectSize.*force_size/],
    ['too many table entries', dynamicVhd(GiB, 513), /513 blocks .* InvalidVHDImage.IncorrectSize/],
    ['odd blocks', dynamicVhd(GiB, 512, 3 * MiB), /not a power of two/],
    [
      'a table beyond the end',
      Buffer.concat([dynamicVhd(GiB).subarray(0, 1536), vhdFooter({ size: GiB, type: 3 })]),
      /cut off inside/,
    ],
    [
      'a block that ends in the footer',
      Buffer.concat([
        dynamic((image) => image.writeUInt32BE(7, 1536)).subarray(0, -512),
        Buffer.alloc(2 * MiB),
        vhdFooter({ size: GiB, type: 3 }),
      ]),
      /blocks reach to/,
    ],
    ['a block beyond the end', dynamic((image) => image.writeUInt32BE(4, 1536)), /blocks reach to/],
  ])('refuses %s', async (_, image, message) => {
    expect(await problems(file('d.vhd', image))).toMatch(message);
  });

  it('warns about disks that ECS may refuse', async () => {
    const warnings = async (image: Buffer) => (await judge(file('d.vhd', image), 'VHD', false)).warnings.join();
    expect(await warnings(dynamicVhd(GiB + 512))).toMatch(/IncorrectSize.*qemu-img convert.*force_size/);
    expect(await warnings(dynamicVhd(GiB, 2048, MiB / 2))).toMatch(/blocks of 524288 bytes; ECS may require 2 MiB/);
    expect(await warnings(fixed(vhdFooter({ size: 4 * MiB, geometry: [0, 0, 0] })))).toMatch(/geometry gives 0 bytes/);
    expect(await warnings(fixed(vhdFooter({ size: 4 * MiB, geometry: [120, 4, 17] })))).toBe('');
  });
});
