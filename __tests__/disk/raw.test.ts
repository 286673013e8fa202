import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { BIOS_BOOT, EFI, GiB, gpt, judge, LINUX, mbr, MiB, problems, scratch, write } from './build.ts';

const GENERIC = 'code Invalid partition table';
const raw = (size: number, pieces: [number, Buffer][]) => write(join(scratch(), 'disk.raw'), size, pieces);

describe('RAW', () => {
  it('opens a sparse disk and reports its sizes', async () => {
    const disk = await judge(await raw(GiB, gpt({ size: GiB, types: [LINUX, BIOS_BOOT], code: 'GRUB' })));
    expect(disk).toMatchObject({ format: 'RAW', size: GiB, virtualSize: GiB, warnings: [] });
    expect(disk.allocated).toBeLessThan(MiB);
    expect(disk.bootMode).toBeUndefined();
  });

  const entry = { type: 0x83, start: 2048, count: 2048 };
  test.each([
    ['GPT with an EFI system partition', gpt({ size: 8 * MiB, types: [EFI, LINUX] }), 'UEFI'],
    ['the same in sectors of 4096 bytes', gpt({ size: 8 * MiB, types: [EFI, LINUX], sector: 4096 }), 'UEFI'],
    ['the MBR code of Windows on GPT', gpt({ size: 8 * MiB, types: [EFI], code: GENERIC }), 'UEFI'],
    ['GPT with a BIOS boot partition too', gpt({ size: 8 * MiB, types: [BIOS_BOOT, EFI] }), undefined],
    ['GPT with boot code of its own', gpt({ size: 8 * MiB, types: [EFI], code: 'GRUB' }), undefined],
    ['GPT with the legacy boot attribute', gpt({ size: 8 * MiB, types: [EFI], attributes: 4n }), undefined],
    [
      'hybrid MBR with an active partition',
      gpt({ size: 8 * MiB, types: [EFI], code: GENERIC, hybrid: [{ ...entry, active: true }] }),
      undefined,
    ],
    ['GPT without EFI system partition', gpt({ size: 8 * MiB, types: [LINUX] }), undefined],
    ['MBR with an EFI system partition', [[0, mbr([{ ...entry, type: 0xef }])]], 'UEFI'],
    ['the same, with generic code', [[0, mbr([{ ...entry, type: 0xef }], GENERIC)]], 'UEFI'],
    ['the same, with boot code', [[0, mbr([{ ...entry, type: 0xef }], 'GRUB')]], undefined],
    ['MBR', [[0, mbr([{ ...entry, active: true }], GENERIC)]], undefined],
    ['a GPT without protective MBR', gpt({ size: 8 * MiB, types: [EFI] }).slice(1), undefined],
  ] as [string, [number, Buffer][], string | undefined][])('boots by: %s', async (_, pieces, mode) => {
    expect((await judge(await raw(8 * MiB, pieces))).bootMode).toBe(mode);
  });

  it('warns about a disk that does not boot, unless it is a data disk', async () => {
    const empty = await raw(MiB, []);
    expect((await judge(empty)).warnings).toEqual([expect.stringContaining('no partition table')]);
    expect((await judge(empty, 'RAW', false)).warnings).toEqual([]);
    const plain = await raw(8 * MiB, [[0, mbr([entry])]]);
    expect((await judge(plain)).warnings).toEqual([expect.stringContaining('neither boot code nor an EFI')]);
    const native = await raw(8 * MiB, gpt({ size: 8 * MiB, types: [EFI], sector: 4096 }));
    expect((await judge(native)).warnings).toEqual([expect.stringContaining('sectors of 4096 bytes')]);
    const single = await raw(8 * MiB, gpt({ size: 8 * MiB, types: [EFI] }).slice(0, 3));
    expect((await judge(single)).warnings).toEqual([expect.stringMatching(/backup .* sgdisk --move-second-header /)]);
  });

  it('accepts an enlarged disk, whose GPT ends before the file', async () => {
    expect((await judge(await raw(16 * MiB, gpt({ size: 8 * MiB, types: [EFI] })))).bootMode).toBe('UEFI');
  });

  test.each([
    [
      'GPT',
      8 * MiB - 512,
      gpt({ size: 8 * MiB, types: [LINUX] }).slice(0, 4),
      /cut off: its GPT ends at 8388608 bytes/,
    ],
    ['MBR', 2 * MiB - 512, [[0, mbr([{ type: 0x83, start: 2048, count: 2048 }])]], /a partition ends at 2097152 bytes/],
    ['a size with half a sector', MiB + 1, [], /not a multiple of 512.*truncate --size=%512 /],
    ['an empty file', 0, [], /is empty/],
    ['a protective MBR alone', MiB, [[0, mbr([{ type: 0xee, start: 1, count: 2047 }])]], /but no GPT/],
    ['an ISO', MiB, [[32769, Buffer.from('CD001')]], /is an ISO image/],
    [
      'a hybrid ISO',
      MiB,
      [
        [0, mbr([{ type: 0x17, start: 0, count: 2048 }])],
        [32769, Buffer.from('CD001')],
      ],
      /is an ISO image/,
    ],
  ] as [string, number, [number, Buffer][], RegExp][])('refuses %s', async (_, size, pieces, message) => {
    expect(await problems(await raw(size, pieces))).toMatch(message);
  });

  it('accepts a disk with the marker of an old ISO image', async () => {
    const pieces = [...gpt({ size: 8 * MiB, types: [EFI] }), [32769, Buffer.from('CD001')]] as [number, Buffer][];
    expect((await judge(await raw(8 * MiB, pieces))).format).toBe('RAW');
  });

  test.each([16, 80, 88, 512 + 40])('refuses a GPT with a wrong byte at %i', async (at) => {
    const pieces = gpt({ size: 8 * MiB, types: [LINUX] });
    expect(await problems(await raw(8 * MiB, [...pieces, [512 + at, Buffer.from([0x5a])]]))).toContain(
      'checksum of the GPT',
    );
  });
});
