import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { GiB, MiB, scratch, sh } from '../build.ts';
import { DISK, filesIn, hasTools, made, openPacked, refused } from './unpack.ts';

const NOISE = `${DISK}; head -c 4M /dev/urandom | dd of=disk.raw bs=1M seek=2 conv=notrunc status=none`;

describe.skipIf(!hasTools)('damage', () => {
  const PACKERS = [
    ['gzip', 'gzip -1 disk.raw', 'disk.raw.gz'],
    ['xz', 'xz -0 disk.raw', 'disk.raw.xz'],
    ['zstd', 'zstd -q disk.raw', 'disk.raw.zst'],
    ['bzip2', 'bzip2 -1 disk.raw', 'disk.raw.bz2'],
    ['tar in gzip', 'tar -czf disk.tar.gz disk.raw', 'disk.tar.gz'],
    ['tar in zstd', 'tar --zstd -cf disk.tar.zst disk.raw', 'disk.tar.zst'],
  ] as const;

  test.each(PACKERS)('is found in truncated %s', async (_, script, name) => {
    const folder = made(`${NOISE}; ${script}`);
    const whole = readFileSync(join(folder, name));
    for (const end of [600, 1_000_000, -1, -9, -600]) {
      writeFileSync(join(folder, name), whole.subarray(0, end));
      expect(await refused(folder, name)).toMatch(/cut off|damaged|failed/);
    }
  });

  test.each(PACKERS)('is found by the checksum of %s', async (_, script, name) => {
    const folder = made(`${NOISE}; ${script}`);
    const handle = await open(join(folder, name), 'r+');
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 2_000_000);
    await handle.write(Buffer.from([buffer[0] === 1 ? 2 : 1]), 0, 1, 2_000_000);
    await handle.close();
    expect(await refused(folder, name)).toMatch(/damaged|failed/);
  });

  test.each([
    ['VMDK', '-O vmdk', 'd.vmdk', 'd.vmdk'],
    ['VMDK for streaming', '-O vmdk -o subformat=streamOptimized', 'd.vmdk', 'd.vmdk'],
    ['flat VMDK', '-O vmdk -o subformat=monolithicFlat', 'd.vmdk', 'd-flat.vmdk'],
    ['VMDK in extents', '-O vmdk -o subformat=twoGbMaxExtentSparse', 'd.vmdk', 'd-s001.vmdk'],
    ['VDI', '-O vdi', 'd.vdi', 'd.vdi'],
    ['VHDX', '-O vhdx', 'd.vhdx', 'd.vhdx'],
    ['QCOW2 with zstd', '-c -O qcow2 -o compression_type=zstd', 'd.qcow2', 'd.qcow2'],
    ['QCOW2 with subclusters', '-O qcow2 -o extended_l2=on', 'd.qcow2', 'd.qcow2'],
    ['QCOW2 with a data file', '-O qcow2 -o data_file=d.data', 'd.qcow2', 'd.data'],
    [
      'QCOW2 with a backing file',
      '-O qcow2',
      'd.qcow2',
      'd.qcow2',
      'mv d.qcow2 b; qemu-img create -q -f qcow2 -b b -F qcow2 d.qcow2; mv b b.full; cp b.full b',
    ],
  ])('is found in truncated %s without a checksum', async (_, options, name, file, more = '') => {
    const data = 'head -c 4M /dev/urandom | dd of=disk.raw bs=1M seek=4 conv=notrunc status=none';
    const folder = made(`${DISK}; ${data}; qemu-img convert -f raw ${options} disk.raw ${name}; ${more}`);
    const cut = join(folder, more === '' ? file : 'b');
    truncateSync(cut, readFileSync(cut).length - 140_000);
    expect(await refused(folder, name)).toMatch(/cut off|truncated|error while reading|Could not/);
  });

  test.each([
    ['before the disk', 'SHA256', 'vm.ovf vm.mf vm.vmdk'],
    ['after the disk', 'SHA1', 'vm.ovf vm.vmdk vm.mf'],
    ['for a packed disk', 'SHA256', './vm.ovf ./vm.vmdk.gz ./vm.mf'],
  ])('is found by the manifest of an OVA, %s', async (_, algorithm, members) => {
    const sum = (file: string, of: string) =>
      `echo "${algorithm}(${file})= $(${algorithm.toLowerCase()}sum ${of} | cut -d' ' -f1)" >> vm.mf`;
    const folder = made(`${NOISE}; qemu-img convert -O vmdk -o subformat=streamOptimized disk.raw vm.vmdk
      gzip -k vm.vmdk; echo '<Envelope/>' > vm.ovf
      ${sum('vm.vmdk', 'vm.vmdk')}; ${sum('vm.vmdk.gz', 'vm.vmdk.gz')}; tar -cf good.ova ${members}; rm vm.mf
      ${sum('vm.vmdk', 'vm.ovf')}; ${sum('vm.vmdk.gz', 'vm.ovf')}; tar -cf bad.ova ${members}`);
    expect((await openPacked(folder, 'good.ova')).size).toBe(8 * MiB);
    const message = /vm\.vmdk(\.gz)? does not have the SHA\d+ that the manifest gives\. Build, copy/;
    expect(await refused(folder, 'bad.ova')).toMatch(message);
  });

  it('is also data after the end of zstd data', async () => {
    const folder = made(`${NOISE}; zstd -q disk.raw`);
    appendFileSync(join(folder, 'disk.raw.zst'), 'something else');
    expect(await refused(folder, 'disk.raw.zst')).toMatch(/something else follows it/);
  });
});

describe.skipIf(!hasTools)('a bomb is refused', () => {
  test.each([
    ['gzip -1', 'd.gz'],
    ['xz -0', 'd.xz'],
    ['zstd -1', 'd.zst'],
    ['bzip2 -1', 'd.bz2'],
  ])('by %s', async (packer, name) => {
    const folder = made(`truncate -s 60M z; { head -c 1M /dev/urandom; cat z; } | ${packer} > ${name}; rm z`);
    expect(await refused(folder, name, { limit: 40 * MiB })).toMatch(/unpacks to/);
    const unpacked = join(scratch(), 'u');
    await refused(folder, name, { limit: 40 * MiB, folder: unpacked });
    if (existsSync(unpacked)) expect(sh('/', `du -sk '${unpacked}'`)).toMatch(/^[12]?\d{1,3}\t/);
  });

  it('that is a sparse tar archive', async () => {
    const folder = made(`truncate -s 4T disk.raw; tar --format=oldgnu -Scf d.tar disk.raw; rm disk.raw`);
    expect(await refused(folder, 'd.tar', { limit: GiB })).toMatch(/unpacks to more than/);
  });

  it('of 15 TiB of zeros in a tar archive, alone or beside the disk', async () => {
    const folder = made(`${DISK}; truncate -s 15T zeros.raw; tar -Scf a.tar zeros.raw; tar -Scf b.tar disk.raw zeros.raw
      mv zeros.raw README; tar -Scf c.tar README disk.raw; rm README`);
    expect(await refused(folder, 'a.tar')).toMatch(/unpacks to more than/);
    expect(await refused(folder, 'b.tar')).toMatch(/2 disk images/);
    expect((await openPacked(folder, 'c.tar')).size).toBe(8 * MiB);
  });

  it('beside the disk in a compressed archive', async () => {
    const folder = made(`${DISK}; truncate -s 60M README; tar -czf d.tar.gz README disk.raw; rm README`);
    expect(await refused(folder, 'd.tar.gz', { limit: 40 * MiB })).toMatch(/unpacks to more than/);
  });

  it('that is a sparse tar archive whose map is larger than the member', async () => {
    const folder = made(`${NOISE}; tar --format=posix -Scf d.tar disk.raw; rm disk.raw`);
    const path = join(folder, 'd.tar');
    const tar = readFileSync(path);
    let map = 0;
    while (!/^\d+\n\d+\n/.test(tar.toString('latin1', map, map + 512))) map += 512;
    tar.write('9999999\n', map);
    writeFileSync(path, tar);
    expect(await refused(folder, 'd.tar')).toMatch(/a header makes no sense/);
  });

  it('that is a disk of 40 TiB', async () => {
    const folder = made('qemu-img create -q -f vhdx d.vhdx 40T; qemu-img create -q -f vmdk d.vmdk 40T');
    for (const name of ['d.vhdx', 'd.vmdk']) expect(await refused(folder, name)).toMatch(/ECS takes at most/);
  });

  it('with many layers', async () => {
    const folder = scratch();
    let data: Buffer = Buffer.alloc(100);
    for (let layer = 0; layer < 7; layer += 1) data = gzipSync(data);
    writeFileSync(join(folder, 'd.gz'), data);
    expect(await refused(folder, 'd.gz')).toMatch(/more than 5 nested containers/);
  });
});

describe.skipIf(!hasTools)('only the disk of an archive is written', () => {
  it('whatever names and types its members have', async () => {
    const folder = made(`${DISK}; mkdir a; mv disk.raw a; cd a; ln -s /etc/passwd link.raw; mknod dev.raw c 1 5 || true
      mkfifo pipe.raw; tar -P --transform='s,disk.raw,../../../../tmp/evil-disk.raw,' -cf ../d.tar disk.raw link.raw pipe.raw`);
    const disk = await openPacked(folder, 'd.tar');
    expect(filesIn(disk.folder)).toHaveLength(1);
    expect(existsSync('/tmp/evil-disk.raw')).toBe(false);
  });

  it('and a link is not a disk', async () => {
    const folder = made('ln -s /etc/passwd disk.raw; tar -cf d.tar disk.raw; tar -P -cf e.tar /etc/hostname');
    expect(await refused(folder, 'd.tar')).toMatch(/No disk image in the archive, only: nothing/);
    expect(await refused(folder, 'e.tar')).toMatch(/only: \/etc\/hostname/);
  });

  it('and of two members with one name the later one counts, even if it is empty', async () => {
    const folder = made(`${DISK}; tar -cf a.tar disk.raw; rm disk.raw; touch disk.raw; tar -rf a.tar disk.raw`);
    expect(await refused(folder, 'a.tar')).toMatch(/No disk image in the archive/);
  });

  it('and several disks are an error with their names on one line', async () => {
    const folder = made(`${DISK}; cp disk.raw -- '-o.raw'; cp disk.raw "$(printf 'a\\nb.raw')"
      tar --format=gnu -cf d.tar -- disk.raw -o.raw "$(printf 'a\\nb.raw')"`);
    const told = await refused(folder, 'd.tar');
    expect(told).toMatch(/^[^\n]*3 disk images in the archive: disk.raw, .\/-o.raw, [^\n]*$/);
  });
});
