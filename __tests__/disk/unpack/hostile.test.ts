import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import { GiB, has, MiB, scratch, sh } from '../build.ts';
import { filesIn, hasTools, openPacked, programs, refused } from './unpack.ts';

const made = (script: string): string => {
  const folder = scratch();
  sh(folder, script);
  return folder;
};
const DISK = `truncate -s 8M disk.raw; printf 'label: dos\\n2048,9000,L,*\\n' | sfdisk -q disk.raw`;
const NOISE = `${DISK}; head -c 4M /dev/urandom | dd of=disk.raw bs=1M seek=2 conv=notrunc status=none`;

describe.skipIf(!hasTools)('what is damaged', () => {
  const PACKERS = [
    ['gzip', 'gzip -1 disk.raw', 'disk.raw.gz'],
    ['xz', 'xz -0 disk.raw', 'disk.raw.xz'],
    ['zstd', 'zstd -q disk.raw', 'disk.raw.zst'],
    ['bzip2', 'bzip2 -1 disk.raw', 'disk.raw.bz2'],
    ['tar in gzip', 'tar -czf disk.tar.gz disk.raw', 'disk.tar.gz'],
    ['tar in zstd', 'tar --zstd -cf disk.tar.zst disk.raw', 'disk.tar.zst'],
  ] as const;

  test.each(PACKERS)('is found in %s cut off anywhere', async (_, script, name) => {
    for (const cut of [600, 1_000_000, -1, -9, -600]) {
      const folder = made(`${NOISE}; ${script}`);
      const size = readFileSync(join(folder, name)).length;
      truncateSync(join(folder, name), cut < 0 ? size + cut : cut);
      expect(await refused(folder, name)).toMatch(/cut off|damaged|failed/);
    }
  });

  test.each(PACKERS)('is found in %s by its checksum', async (_, script, name) => {
    const folder = made(`${NOISE}; ${script}`);
    const handle = await open(join(folder, name), 'r+');
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 2_000_000);
    await handle.write(Buffer.from([buffer[0] === 1 ? 2 : 1]), 0, 1, 2_000_000);
    await handle.close();
    expect(await refused(folder, name)).toMatch(/damaged|failed/);
  });

  it('is also what follows the end of zstd data', async () => {
    const folder = made(`${NOISE}; zstd -q disk.raw`);
    appendFileSync(join(folder, 'disk.raw.zst'), 'something else');
    expect(await refused(folder, 'disk.raw.zst')).toMatch(/followed by something else/);
  });
});

describe.skipIf(!hasTools)('a bomb is ended', () => {
  test.each([
    ['gzip -1', 'd.gz'],
    ['xz -0', 'd.xz'],
    ['zstd -1', 'd.zst'],
    ['bzip2 -1', 'd.bz2'],
  ])('by %s', async (packer, name) => {
    const folder = made(`truncate -s 300M z; { head -c 1M /dev/urandom; cat z; } | ${packer} > ${name}; rm z`);
    expect(await refused(folder, name, { limit: 200 * MiB })).toMatch(/unpacks to/);
    const unpacked = join(scratch(), 'u');
    await refused(folder, name, { limit: 200 * MiB, folder: unpacked });
    if (existsSync(unpacked)) expect(sh('/', `du -sk '${unpacked}'`)).toMatch(/^[12]?\d{1,3}\t/);
  });

  it('that is a sparse tar of 8 EiB', async () => {
    const folder = made(`truncate -s 4T disk.raw; tar --format=oldgnu -Scf d.tar disk.raw; rm disk.raw`);
    expect(await refused(folder, 'd.tar', { limit: GiB })).toMatch(/unpacks to more than/);
  });

  it('that is a disk of 40 TiB', async () => {
    const folder = made('qemu-img create -q -f vhdx d.vhdx 40T; qemu-img create -q -f vmdk d.vmdk 40T');
    for (const name of ['d.vhdx', 'd.vmdk']) expect(await refused(folder, name)).toMatch(/ECS takes at most/);
  });

  it('that holds itself many times over', async () => {
    const folder = scratch();
    let data: Buffer = Buffer.alloc(100);
    for (let layer = 0; layer < 7; layer += 1) data = gzipSync(data);
    writeFileSync(join(folder, 'd.gz'), data);
    expect(await refused(folder, 'd.gz')).toMatch(/More than 5 containers/);
  });
});

describe.skipIf(!hasTools)('an archive writes nothing but its disk', () => {
  it('whatever its members are called and are', async () => {
    const folder = made(`${DISK}; mkdir a; mv disk.raw a; cd a; ln -s /etc/passwd link.raw; mknod dev.raw c 1 5 || true
      mkfifo pipe.raw; tar -P --transform='s,disk.raw,../../../../tmp/evil-disk.raw,' -cf ../d.tar disk.raw link.raw pipe.raw`);
    const disk = await openPacked(folder, 'd.tar');
    expect(filesIn(disk.folder)).toHaveLength(1);
    expect(existsSync('/tmp/evil-disk.raw')).toBe(false);
  });

  it('and a link is no disk', async () => {
    const folder = made('ln -s /etc/passwd disk.raw; tar -cf d.tar disk.raw; tar -P -cf e.tar /etc/hostname');
    expect(await refused(folder, 'd.tar')).toMatch(/No disk image in the archive, only: nothing/);
    expect(await refused(folder, 'e.tar')).toMatch(/only: \/etc\/hostname/);
  });

  it('and several disks are named, on one line whatever they are called', async () => {
    const folder = made(`${DISK}; cp disk.raw -- '-o.raw'; cp disk.raw "$(printf 'a\\nb.raw')"
      tar --format=gnu -cf d.tar -- disk.raw -o.raw "$(printf 'a\\nb.raw')"`);
    const told = await refused(folder, 'd.tar');
    expect(told).toMatch(/^[^\n]*3 disk images in the archive, one is needed: disk.raw, .\/-o.raw, [^\n]*$/);
  });
});

describe.skipIf(!hasTools)('a header names no file outside', () => {
  const descriptor = (extent: string, more = '') => `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="monolithicFlat"
${more}
${extent}
ddb.adapterType = "ide"
`;

  test.each([
    ['RW 1 FLAT "/etc/passwd" 0', /outside/],
    ['RW 1 FLAT "../../../../../../etc/passwd" 0', /outside/],
    ['RW\n1 FLAT "/etc/passwd" 0', /outside/],
    ['RW 1 FLAT "json:{\\"driver\\":\\"file\\"}" 0', /no plain file name/],
    ['RW 1 FLAT "nbd://localhost/x" 0', /no plain file name/],
    ['RW 1 FLAT "link" 0', /outside/],
    ['RW 1 SPARSE "inner" 0', /further files/],
    ['RW 1 FLAT "/dev/zero" 0', /outside/],
    ['parentFileNameHint="/etc/passwd"', /difference to a parent/],
  ])('VMDK: %s', async (extent, message) => {
    const folder = made('ln -s /etc/passwd link');
    writeFileSync(join(folder, 'd.vmdk'), descriptor(extent));
    writeFileSync(join(folder, 'inner'), descriptor('RW 1 FLAT "/etc/passwd" 0'));
    expect(await refused(folder, 'd.vmdk')).toMatch(message);
  });

  test.each([
    ['json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}}', /no plain file name/],
    ['/etc/passwd', /outside/],
    ['nbd:localhost:10809', /no plain file name/],
    ['missing', /does not exist/],
  ])('QCOW2 on %s', async (name, message) => {
    const folder = scratch();
    const option = `backing_file=${name.replaceAll(',', ',,')},backing_fmt=raw`;
    execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-o', option, join(folder, 'd.qcow2'), '8M']);
    expect(await refused(folder, 'd.qcow2')).toMatch(message);
  });

  it('also not out of an archive', async () => {
    const folder = made(`${DISK}; qemu-img create -q -f qcow2 -b disk.raw -F raw d.qcow2; gzip d.qcow2
      qemu-img convert -O vmdk -o subformat=monolithicFlat disk.raw e.vmdk; tar -cf e.ova e.vmdk`);
    for (const name of ['d.qcow2.gz', 'e.ova']) expect(await refused(folder, name)).toMatch(/complete in one file/);
  });

  it('and names like options are names', async () => {
    const folder = made(
      `${DISK}; qemu-img convert -O vdi disk.raw file:--help.vdi; cp ./--help.vdi "$(printf 'a\\n:b,c')"`,
    );
    for (const name of ['--help.vdi', 'a\n:b,c']) expect((await openPacked(folder, name)).virtualSize).toBe(8 * MiB);
  });
});

describe.skipIf(!hasTools)('programs', () => {
  const FAKE = (script: string) => {
    const path = join(scratch(), 'fake');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test.each([
    ['xz', 'xz disk.raw', 'disk.raw.xz', /no xz .* sudo apt-get install -y xz-utils/],
    ['bzip2', 'bzip2 disk.raw', 'disk.raw.bz2', /no bzip2 .* sudo apt-get install -y bzip2/],
    ['qemu-img', 'qemu-img convert -O vdi disk.raw d.vdi', 'd.vdi', /VirtualBox VDI .* apt-get install -y qemu-utils/],
    ['qemu-img', 'qemu-img convert -O vdi disk.raw d.vdi; gzip d.vdi', 'd.vdi.gz', /apt-get install -y qemu-utils/],
  ])('without %s it says what to install', async (_, script, name, message) => {
    const folder = made(`${DISK}; ${script}`);
    expect(await refused(folder, name, { programs: () => Promise.resolve({}) })).toMatch(message);
  });

  it('that are killed or fail give one error', async () => {
    const folder = made(`${DISK}; xz disk.raw`);
    for (const [script, message] of [
      ['[ "$1" = --robot ] && exit 0; head -c 1 > /dev/null; kill -9 $$', /was ended by SIGKILL/],
      ['[ "$1" = --robot ] && exit 0; echo oops >&2; exit 3', /fake failed: oops/],
    ] as const) {
      const xz = FAKE(script);
      expect(await refused(folder, 'disk.raw.xz', { programs: () => Promise.resolve({ xz }) })).toMatch(message);
    }
    const gone = { ...programs, xz: '/nowhere/xz' };
    expect(await refused(folder, 'disk.raw.xz', { programs: () => Promise.resolve(gone) })).toMatch(
      /cannot be started|failed to execute/,
    );
  });

  it('are not asked for a plain disk, and no folder is made', async () => {
    const folder = made(DISK);
    const disk = await openPacked(folder, 'disk.raw', { programs: () => Promise.reject(new Error('asked')) });
    expect(disk.container).toBeUndefined();
    expect(existsSync(disk.folder)).toBe(false);
  });
});

test.skipIf(!hasTools || !has('mount') || process.getuid?.() !== 0)('a full disk is one error', async () => {
  const folder = made(`head -c 24M /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt 2> log > data
    { cat data; cat data; } | zstd -q --long=27 > d.zst; truncate -s 48M d.raw; cat data > d; cat data >> d
    qemu-img convert -f raw -O vdi d d.vdi`);
  const mount = join(folder, 'mount');
  sh(folder, `mkdir mount; mount -t tmpfs -o size=32M none '${mount}'`);
  try {
    expect(await refused(folder, 'd.zst', { folder: join(mount, 'u') })).toMatch(/The disk of this runner is full/);
    expect(await refused(folder, 'd.vdi', { folder: join(mount, 'v') })).toMatch(/takes .* has /);
  } finally {
    sh('/', `umount '${mount}'`);
  }
});
