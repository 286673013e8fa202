import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { findDisk } from '../../src/disk/find.ts';
import { GiB, has, judge, MiB, problems, scratch, sh } from './build.ts';

const qemu = has('qemu-img', 'qemu-io', 'truncate');
const tables = has('sfdisk', 'sgdisk', 'truncate');
// Not LUKS, whose key takes qemu-img seconds; the headers differ in one number, which qcow2.test.ts checks.
const KEYED = 'qemu-img create -f qcow2 --object secret,id=s,data=abc -o encrypt.key-secret=s,encrypt.format=aes';
const UEFI = 'truncate -s 64M disk.raw; sgdisk -n1:0:+10M -t1:ef00 -n2:0:0 disk.raw';

/** Runs a script in a new directory and returns the path of the file `name` in it. */
const made = (name: string, script: string) => {
  const directory = scratch();
  sh(directory, script);
  return join(directory, name);
};

describe.skipIf(!qemu)('an image by qemu-img', () => {
  test.each([
    ['e.qcow2', 'qemu-img create -f qcow2 e.qcow2 40G', 'QCOW2', 40 * GiB],
    ['v2.qcow2', 'qemu-img create -f qcow2 -o compat=0.10 v2.qcow2 40G', 'QCOW2', 40 * GiB],
    ['c.qcow2', 'qemu-img create -f qcow2 -o cluster_size=512 c.qcow2 1G', 'QCOW2', GiB],
    ['c.qcow2', 'qemu-img create -f qcow2 -o cluster_size=2M c.qcow2 3T', 'QCOW2', 3072 * GiB],
    ['r.qcow2', 'qemu-img create -f qcow2 -o refcount_bits=1 r.qcow2 1G', 'QCOW2', GiB],
    ['r.qcow2', 'qemu-img create -f qcow2 -o refcount_bits=64 r.qcow2 1G', 'QCOW2', GiB],
    ['p.qcow2', 'qemu-img create -f qcow2 -o preallocation=metadata p.qcow2 1G', 'QCOW2', GiB],
    ['g.qcow2', 'qemu-img create -f qcow2 g.qcow2 1G; qemu-img resize g.qcow2 +1G', 'QCOW2', 2 * GiB],
    ['s.qcow2', 'qemu-img create -f qcow2 s.qcow2 1G; qemu-img snapshot -c one s.qcow2', 'QCOW2', GiB],
    ['d.vhd', 'qemu-img create -f vpc -o force_size d.vhd 40G', 'VHD', 40 * GiB],
    ['f.vhd', 'qemu-img create -f vpc -o subformat=fixed,force_size f.vhd 1G', 'VHD', GiB],
    ['d.vhd', 'qemu-img create -f vpc -o force_size d.vhd 2040G', 'VHD', 2040 * GiB],
  ])('%s by %s', async (name, script, format, virtualSize) => {
    const path = made(name, script);
    expect(await judge(path, undefined, false)).toMatchObject({ format, virtualSize, warnings: [] });
    if (format === 'VHD') return;
    sh(join(path, '..'), `qemu-io -c 'write 0 3M' -c 'write 900M 1M' -c 'discard 1M 1M' -c 'write -z 905M 1M' ${name}`);
    expect(await judge(path, undefined, false)).toMatchObject({ format, virtualSize, warnings: [] });
  });

  it('as VHD is rounded up to its geometry, and a dynamic one gets a warning', async () => {
    const path = made('d.vhd', 'qemu-img create -f vpc d.vhd 1G; qemu-img create -f vpc -o subformat=fixed f.vhd 1G');
    const info = JSON.parse(sh(join(path, '..'), 'qemu-img info --output=json d.vhd')) as { 'virtual-size': number };
    expect(info['virtual-size']).toBeGreaterThanOrEqual(GiB);
    const dynamic = await judge(path, undefined, false);
    expect(dynamic.virtualSize).toBe(info['virtual-size']);
    expect(dynamic.warnings).toEqual([expect.stringContaining('InvalidVHDImage.IncorrectSize')]);
    const fixed = await judge(join(path, '..', 'f.vhd'), undefined, false);
    expect(fixed).toMatchObject({ virtualSize: info['virtual-size'], warnings: [] });
  });

  test.each([
    ['v.vmdk', 'qemu-img create -f vmdk v.vmdk 1G', /VMDK .* qemu-img convert -f vmdk -O qcow2 /],
    ['v.vmdk', 'qemu-img create -f vmdk -o subformat=twoGbMaxExtentSparse v.vmdk 1G', /descriptor of a VMDK/],
    ['v.vdi', 'qemu-img create -f vdi v.vdi 1G', /VDI .* qemu-img convert -f vdi/],
    ['v.vhdx', 'qemu-img create -f vhdx v.vhdx 1G', /VHDX .* qemu-img convert -f vhdx/],
    ['v.qcow', 'qemu-img create -f qcow v.qcow 1G', /QCOW disk of version 1.* qemu-img convert -f qcow/],
    ['v.qed', 'qemu-img create -f qed v.qed 1G', /QED .* qemu-img convert -f qed/],
    [
      'b.qcow2',
      'qemu-img create -f qcow2 a 1G; qemu-img create -f qcow2 -b a -F qcow2 b.qcow2',
      /backing file a, which/,
    ],
    ['d.qcow2', 'qemu-img create -f qcow2 -o data_file=d.bin d.qcow2 1G', /external data file/],
    ['z.qcow2', 'qemu-img create -f qcow2 -o compression_type=zstd z.qcow2 1G', /zlib/],
    ['x.qcow2', 'qemu-img create -f qcow2 -o extended_l2=on x.qcow2 1G', /extended L2/],
    ['k.qcow2', `${KEYED} k.qcow2 1G`, /encrypted/],
  ])('%s by %s is refused', async (name, script, message) => {
    expect(await problems(made(name, script))).toMatch(message);
  });

  it('is refused if it is truncated anywhere', async () => {
    const source = 'head -c 8M /dev/urandom > r; truncate -s 64M r; qemu-img convert -f raw -O';
    for (const [format, cuts] of [
      ['qcow2 r d', [100, 65536, 200_000, MiB, 8 * MiB]],
      ['qcow2 -c r d', [100, 65536, 200_000, MiB, 8 * MiB]],
      ['qcow2 -o refcount_bits=1 r d', [-65537, -4 * 65536]],
      ['vpc -o force_size r d', [600, 1600, MiB, 8 * MiB]],
      ['vpc -o subformat=dynamic r d', [600, 1600, MiB, 8 * MiB]],
    ] as const) {
      for (const cut of cuts) {
        const path = made('d', `${source} ${format}`);
        expect((await judge(path, undefined, false)).virtualSize).toBeGreaterThanOrEqual(64 * MiB);
        truncateSync(path, cut < 0 ? statSync(path).size + cut : cut);
        expect(await problems(path)).toMatch(/cut off|damaged/);
      }
    }
  });

  test.each([
    'qemu-img create -f qcow2 a 64M; qemu-img create -f qcow2 -b a -F qcow2 "it is.qcow2"',
    'qemu-img create -f qcow2 -o compression_type=zstd "it is.qcow2" 64M',
    'qemu-img create -f qcow2 -o data_file=d.bin "it is.qcow2" 64M',
    'qemu-img create -f qcow2 -o extended_l2=on "it is.qcow2" 64M',
    `${KEYED} "it is.qcow2" 64M; printf abc > KEY`,
    'qemu-img create -f vmdk "it is.qcow2" 64M',
    'qemu-img create -f vdi "it is.qcow2" 64M',
    'qemu-img create -f vpc "it is.qcow2" 70M',
    'truncate -s 64M d; gzip d; mv d.gz "it is.qcow2"',
  ])('%s is repaired by the command in its error', async (script) => {
    const path = made('it is.qcow2', script);
    const directory = join(path, '..');
    const told = await judge(path, undefined, false).then(
      ({ warnings }) => warnings.join('\n'),
      (error: unknown) => String(error),
    );
    const [, command = '', output = ''] = /[rR]un: ([^(\n]+?)('[^']+')( \(|$)/m.exec(told) ?? [];
    sh(directory, command + output);
    const fixed = output.slice(1, -1);
    expect((await judge(fixed, undefined, false)).virtualSize).toBeGreaterThanOrEqual(64 * MiB);
  });
});

describe.skipIf(!tables)('a partition table by sgdisk or sfdisk', () => {
  test.each([
    ['GPT with an EFI system partition', UEFI, 'UEFI'],
    ['GPT for both', `${UEFI}; sgdisk -n3:34:2047 -t3:ef02 disk.raw`, undefined],
    ['GPT by sfdisk', `truncate -s 64M disk.raw; printf 'label:gpt\\n,10M,U\\n,,L\\n' | sfdisk disk.raw`, 'UEFI'],
    ['hybrid MBR', `${UEFI}; sgdisk -h 2 disk.raw; printf code | dd of=disk.raw conv=notrunc`, undefined],
    ['MBR', `truncate -s 64M disk.raw; printf 'label:dos\\n,10M,L,*\\n' | sfdisk disk.raw`, undefined],
    ['MBR with EFI', `truncate -s 64M disk.raw; printf 'label:dos\\n,10M,U\\n,,L\\n' | sfdisk disk.raw`, 'UEFI'],
  ])('%s', async (_, script, mode) => {
    expect((await judge(made('disk.raw', script))).bootMode).toBe(mode);
  });

  test.skipIf(!qemu).each([
    ['qcow2', '-O qcow2'],
    ['compressed qcow2', '-c -O qcow2'],
    ['qcow2 in clusters of 512 bytes', '-O qcow2 -o cluster_size=512'],
    ['compressed qcow2 in clusters of 2 MiB', '-c -O qcow2 -o cluster_size=2M'],
    ['qcow2 of version 2', '-O qcow2 -o compat=0.10'],
    ['dynamic VHD', '-O vpc -o force_size'],
    ['fixed VHD', '-O vpc -o subformat=fixed'],
  ])('is found inside of %s', async (_, options) => {
    const path = made('disk', `${UEFI}; qemu-img convert -f raw ${options} disk.raw disk`);
    expect((await judge(path)).bootMode).toBe('UEFI');
  });

  it('is refused if the disk is truncated', async () => {
    const path = made('disk.raw', UEFI);
    truncateSync(path, 60 * MiB);
    expect(await problems(path)).toMatch(/cut off: its GPT ends at 67108864 bytes/);
    const other = made('disk.raw', `truncate -s 64M disk.raw; printf 'label:dos\\n,,L\\n' | sfdisk disk.raw`);
    truncateSync(other, 60 * MiB);
    expect(await problems(other)).toMatch(/cut off: a partition ends at 67108864 bytes/);
  });
});

describe.skipIf(!has('mkfs.ext4', 'mkfs.vfat', 'truncate'))('a file system without a partition table', () => {
  test.each(['mkfs.ext4 -q', 'mkfs.vfat', 'mkfs.vfat -F 32'])('by %s gets a warning', async (mkfs) => {
    const path = made('disk.raw', `truncate -s 64M disk.raw; ${mkfs} disk.raw`);
    expect((await judge(path)).warnings).toEqual([expect.stringContaining('no partition table')]);
  });

  it('does not count as a disk in a directory', async () => {
    const path = made('a', `truncate -s 8M seed.fs; mkfs.vfat seed.fs; truncate -s 8M disk.raw; cp disk.raw a`);
    expect(await findDisk('.', join(path, '..'))).toBe(join(path, '..', 'disk.raw'));
  });
});

describe('a compressed file or archive', () => {
  test.skipIf(!has('gzip', 'xz', 'zstd', 'bzip2', 'tar', 'truncate')).each([
    ['gzip d', 'd.gz', /gzip\. *|gunzip --stdout/],
    ['xz d', 'd.xz', /xz -dc/],
    ['zstd -q d', 'd.zst', /zstd -dc/],
    ['bzip2 d', 'd.bz2', /bzip2 -dc/],
    ['tar -cf d.tar d', 'd.tar', /tar -xf/],
  ])('%s', async (script, name, message) => {
    expect(await problems(made(name, `truncate -s 1M d; ${script}`))).toMatch(message);
  });
});
