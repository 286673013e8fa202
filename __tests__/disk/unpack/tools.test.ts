import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MiB, scratch, sh } from '../build.ts';
import { hasTools, openPacked } from './unpack.ts';

/** A disk with a partition table, data and zeros. Its size is not a multiple of 4 KiB. */
const DISK = `truncate -s ${48 * MiB + 512} disk.raw
  printf 'label: dos\\n2048,90000,L,*\\n' | sfdisk -q disk.raw
  head -c 3000000 /dev/urandom | dd of=disk.raw bs=1M seek=1 conv=notrunc status=none
  head -c 500000 /dev/urandom | dd of=disk.raw bs=1M seek=40 conv=notrunc status=none
  cp --sparse=always disk.raw original; rm disk.raw; cp original disk.raw`;
const DISK_2 = `${DISK}; truncate -s 48M disk.raw original`;

describe.skipIf(!hasTools)('a disk that was packed by the real tools is the same after unpacking', () => {
  test.each([
    ['gzip', 'gzip -1 disk.raw', 'disk.raw.gz'],
    ['gzip in several members', 'split -b 20M disk.raw p; gzip -1 p*; cat p*.gz > disk.raw.gz', 'disk.raw.gz'],
    ['xz', 'xz -0 disk.raw', 'disk.raw.xz'],
    ['xz in blocks', 'xz -0 -T2 --block-size=4MiB disk.raw', 'disk.raw.xz'],
    ['zstd', 'zstd -q --rm disk.raw', 'disk.raw.zst'],
    ['zstd in several frames', 'split -b 20M disk.raw p; zstd -q p??; cat p*.zst > disk.zst', 'disk.zst'],
    ['zstd by pzstd', 'pzstd -q disk.raw -o disk.zst', 'disk.zst'],
    ['zstd without sizes', 'zstd -q --no-check < disk.raw > disk.zst', 'disk.zst'],
    ['bzip2', 'bzip2 -1 disk.raw', 'disk.raw.bz2'],
    ['tar', 'tar -cf disk.tar disk.raw', 'disk.tar'],
    ['tar without magic', 'tar --format=v7 -cf disk.tar disk.raw', 'disk.tar'],
    ['tar by macOS', 'echo x > ._disk.raw; tar -cf disk.tar ._disk.raw disk.raw', 'disk.tar'],
    ["Google's way", 'tar --format=oldgnu -Sczf disk.tar.gz disk.raw', 'disk.tar.gz'],
    ['sparse tar 1.0', 'tar --format=posix -Scf disk.tar disk.raw', 'disk.tar'],
    ['sparse tar 0.1', 'tar --format=posix --sparse-version=0.1 -Scf disk.tar disk.raw', 'disk.tar'],
    ['sparse tar 0.0', 'tar --format=posix --sparse-version=0.0 -Scf disk.tar disk.raw', 'disk.tar'],
    [
      'tar of a folder',
      'mkdir a; mv disk.raw a; echo x > a/README; ln -s /etc/passwd a/l; tar -cJf a.tar.xz a',
      'a.tar.xz',
    ],
    [
      'tar with a long name',
      'n=$(printf "%0120d" 1); mkdir $n; mv disk.raw $n/disk.raw; tar --format=gnu -cf a.tar $n',
      'a.tar',
    ],
    ['tar of packed', 'gzip -1 disk.raw; tar -cf a.tar disk.raw.gz', 'a.tar'],
    [
      'tar with an older disk',
      'truncate -s 0 disk.raw; truncate -s 8M disk.raw; tar -cf a.tar disk.raw; cp original disk.raw; tar -rf a.tar disk.raw',
      'a.tar',
    ],
  ])('%s', async (_, script, name) => {
    const folder = scratch();
    sh(folder, `${DISK}; ${script}`);
    const disk = await openPacked(folder, name);
    expect(disk).toMatchObject({ format: 'RAW', container: { path: join(folder, name) } });
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'original')))).toBe(true);
    // Zeros were not written.
    expect(statSync(disk.path).blocks * 512).toBeLessThan(4 * MiB);
  });

  test.each([
    ['VMDK', '-O vmdk', 'd.vmdk'],
    ['VMDK for ESX', '-O vmdk -o adapter_type=lsilogic,compat6', 'd.vmdk'],
    ['VMDK streamOptimized', '-O vmdk -o subformat=streamOptimized', 'd.vmdk'],
    ['VMDK monolithicFlat', '-O vmdk -o subformat=monolithicFlat', 'd.vmdk'],
    ['VMDK twoGbMaxExtentSparse', '-O vmdk -o subformat=twoGbMaxExtentSparse', 'd.vmdk'],
    ['VMDK twoGbMaxExtentFlat', '-O vmdk -o subformat=twoGbMaxExtentFlat', 'd.vmdk'],
    ['VDI', '-O vdi', 'd.vdi'],
    ['VDI static', '-O vdi -o static=on', 'd.vdi'],
    ['VHDX', '-O vhdx', 'd.vhdx'],
    ['VHDX fixed', '-O vhdx -o subformat=fixed', 'd.vhdx'],
    ['QCOW2 with zstd', '-c -O qcow2 -o compression_type=zstd', 'd.qcow2'],
    ['QCOW2 with subclusters', '-O qcow2 -o extended_l2=on', 'd.qcow2'],
    ['QCOW2 with a data file', '-O qcow2 -o data_file=d.data', 'd.qcow2'],
    ['QCOW2 with a raw data file', '-O qcow2 -o data_file=d.data,data_file_raw=on', 'd.qcow2'],
  ])('%s', async (_, options, name) => {
    const folder = scratch();
    sh(folder, `${DISK_2}; qemu-img convert -f raw ${options} disk.raw ${name}`);
    const disk = await openPacked(folder, name);
    expect(disk).toMatchObject({ format: 'RAW', virtualSize: 48 * MiB });
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'original')))).toBe(true);
    expect(statSync(disk.path).blocks * 512).toBeLessThan(4 * MiB);
  });

  test('QCOW2 with a backing file', async () => {
    const folder = scratch();
    sh(
      folder,
      `${DISK_2}; qemu-img convert -f raw -O qcow2 disk.raw base.qcow2
       qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2; qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 d.qcow2
       qemu-io -f qcow2 -c 'write -P 7 30M 1M' d.qcow2; qemu-img convert -f qcow2 -O raw d.qcow2 original`,
    );
    const disk = await openPacked(folder, 'd.qcow2');
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'original')))).toBe(true);
  });

  test.each(['raw', 'qcow2', 'vpc'])('a compressed %s image keeps its format', async (format) => {
    const folder = scratch();
    sh(folder, `${DISK_2}; qemu-img convert -f raw -O ${format} disk.raw d; gzip -1k d`);
    const disk = await openPacked(folder, 'd.gz');
    expect(disk.format).toBe({ raw: 'RAW', qcow2: 'QCOW2', vpc: 'VHD' }[format]);
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'd')))).toBe(true);
  });

  test.each([
    ['an OVA', 'tar -cf vm.ova vm.ovf vm.mf vm.vmdk', 'vm.ova'],
    ['an OVA with a packed disk', 'gzip vm.vmdk; tar --format=ustar -cf vm.ova vm.ovf vm.vmdk.gz', 'vm.ova'],
  ])('%s', async (_, script, name) => {
    const folder = scratch();
    sh(
      folder,
      `${DISK_2}; qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk.raw vm.vmdk
       echo '<Envelope/>' > vm.ovf; echo "SHA256(vm.vmdk)= $(sha256sum vm.vmdk | cut -d' ' -f1)" > vm.mf; ${script}`,
    );
    const disk = await openPacked(folder, name);
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'original')))).toBe(true);
    expect(disk.container?.kind).toMatch(/tar archive.* in it a VMDK disk/);
  });
});
