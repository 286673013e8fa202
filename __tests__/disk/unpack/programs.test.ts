import { chmodSync, existsSync, readFileSync, writeFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { has, MiB, scratch, sh } from '../build.ts';
import { DISK, hasTools, made, openPacked, programs, refused } from './unpack.ts';

describe.skipIf(!hasTools)('programs', () => {
  const FAKE = (script: string) => {
    const path = join(scratch(), 'fake');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test.each([
    ['xz', 'xz disk.raw', 'disk.raw.xz', /needs xz, .* sudo apt-get install -y xz-utils/],
    ['bzip2', 'bzip2 disk.raw', 'disk.raw.bz2', /needs bzip2, .* sudo apt-get install -y bzip2/],
    ['qemu-img', 'qemu-img convert -O vdi disk.raw d.vdi', 'd.vdi', /VirtualBox VDI .* apt-get install -y qemu-utils/],
    ['qemu-img', 'qemu-img convert -O vdi disk.raw d.vdi; gzip d.vdi', 'd.vdi.gz', /apt-get install -y qemu-utils/],
  ])('without %s, the error has the package to install', async (_, script, name, message) => {
    const folder = made(`${DISK}; ${script}`);
    expect(await refused(folder, name, { programs: () => Promise.resolve({}) })).toMatch(message);
  });

  it('that fail or are killed give one error', async () => {
    const folder = made(`${DISK}; xz disk.raw`);
    for (const [script, message] of [
      ['[ "$1" = --robot ] && exit 0; head -c 1 > /dev/null; kill -9 $$', /was killed by SIGKILL/],
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

  it('of a dry run end with the dry run', async () => {
    const folder = made(`${DISK}; xz disk.raw`);
    const xz = FAKE(`[ "$1" = --robot ] && exit 0; echo $$ > ${folder}/pid; exec yes`);
    await openPacked(folder, 'disk.raw.xz', { programs: () => Promise.resolve({ xz }), headersOnly: true });
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('may list the parts of a disk before the disk, as qemu-img 8 does', async () => {
    const folder = made(`${DISK}; qemu-img convert -O vdi disk.raw d.vdi`);
    const info = '{ "children": [{ "info": { "virtual-size": 1 } }], "virtual-size": 8388608 }';
    const fake = { ...programs, qemuImg: FAKE(`echo '${info}'`) };
    const disk = await openPacked(folder, 'd.vdi', { programs: () => Promise.resolve(fake), headersOnly: true });
    expect(disk.virtualSize).toBe(8 * MiB);
  });

  it('give an error when a backing file changes meanwhile', async () => {
    const folder = made(`${DISK}; qemu-img create -q -f qcow2 -b disk.raw -F raw d.qcow2`);
    const qemuImg = FAKE(`[ $1 != convert ] || touch ${folder}/disk.raw; exec ${programs.qemuImg ?? ''} "$@"`);
    const changing = { programs: () => Promise.resolve({ ...programs, qemuImg }) };
    expect(await refused(folder, 'd.qcow2', changing)).toMatch(/disk.raw changed while it was read/);
  });

  it('are not looked up for a plain disk, and no folder is created', async () => {
    const folder = made(DISK);
    const disk = await openPacked(folder, 'disk.raw', { programs: () => Promise.reject(new Error('asked')) });
    expect(disk.container).toBeUndefined();
    expect(existsSync(disk.folder)).toBe(false);
  });
});

test.skipIf(!hasTools || !has('mount') || process.getuid?.() !== 0)('a full disk gives one error', async () => {
  const folder = made(`head -c 24M /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt 2> log > data
    { cat data; cat data; } | zstd -q --long=27 > d.zst; truncate -s 48M d.raw; cat data > d; cat data >> d
    qemu-img convert -f raw -O vdi d d.vdi
    head -c 40M /dev/urandom | gzip -1 > d.gz`);
  const mount = join(folder, 'mount');
  sh(folder, `mkdir mount; mount -t tmpfs -o size=32M none '${mount}'`);
  try {
    expect(await refused(folder, 'd.zst', { folder: join(mount, 'u') })).toMatch(/The disk of this runner is full/);
    expect(await refused(folder, 'd.vdi', { folder: join(mount, 'v') })).toMatch(/needs .* has /);
    expect(await refused(folder, 'd.gz', { folder: join(mount, 'w') })).toMatch(/needs .* has /);
    expect(readdirSync(join(mount, 'w'))).toEqual([]);
  } finally {
    sh('/', `umount '${mount}'`);
  }
});
