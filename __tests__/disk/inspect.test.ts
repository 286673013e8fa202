import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import { shellQuote } from '../../src/disk/text.ts';
import { assertUnchanged } from '../../src/disk/inspect.ts';
import { dynamicVhd, file, GiB, has, judge, MiB, problems, qcow2, scratch, sh } from './build.ts';

describe('a file that is not a disk image', () => {
  test.each([
    ['disk.raw.gz', '\x1f\x8b\x08', 'gunzip --stdout DIR/disk.raw.gz > DIR/disk.raw'],
    ['disk', '\x1f\x8b\x08', 'gunzip --stdout DIR/disk > DIR/disk.raw'],
    ['a b.xz', '\xfd7zXZ\0', `xz -dc 'DIR/a b.xz' > 'DIR/a b'`],
    ['d.zst', '\x28\xb5\x2f\xfd', 'zstd -dc DIR/d.zst > DIR/d'],
    ['d.bz2', 'BZh9', 'bzip2 -dc DIR/d.bz2 > DIR/d'],
    ['d.lz4', '\x04\x22\x4d\x18', 'lz4 -dc DIR/d.lz4 > DIR/d'],
    ['d.zip', 'PK\x03\x04', 'unzip DIR/d.zip'],
    ['d.7z', '7z\xbc\xaf\x27\x1c', '7z x DIR/d.7z'],
    ['d.ova', `${'d.ovf'.padEnd(257, '\0')}ustar`, 'tar -xf DIR/d.ova'],
    ['d.vmdk', 'KDMV\x01\0', 'qemu-img convert -f vmdk -O qcow2 DIR/d.vmdk DIR/d.qcow2'],
    ['d.vmdk', '# Disk DescriptorFile\nversion=1\n', 'qemu-img convert -f vmdk -O qcow2 DIR/d.vmdk DIR/d.qcow2'],
    ['d.vdi', `${'<<< Oracle VM'.padEnd(64, '\0')}\x7f\x10\xda\xbe`, 'convert -f vdi -O qcow2 DIR/d.vdi DIR/d.qcow2'],
    ['d.vhdx', 'vhdxfile', 'qemu-img convert -f vhdx -O qcow2 DIR/d.vhdx DIR/d.qcow2'],
    ['d.qcow', 'QFI\xfb\0\0\0\x01', 'qemu-img convert -f qcow -O qcow2 DIR/d.qcow DIR/d.qcow2'],
    [
      'd.raw',
      'version https://git-lfs.github.com/spec/v1\n',
      'a Git LFS pointer; the image itself was not downloaded. Run: git lfs pull',
    ],
    ['d.raw', '\x7fELF\x02\x01\x01\0', 'is a program (ELF)'],
    ['d.raw', '<!DOCTYPE html><html>', 'is a web page or XML'],
    ['d.raw', 'secret', 'is plain text, not a disk image'],
  ])('%s holding %j', async (name, content, says) => {
    const path = file(name, Buffer.from(content, 'latin1'));
    const text = await problems(path, 'VHD');
    expect(text).toContain(says.replaceAll('DIR', join(path, '..')));
    expect(text).not.toContain('secret');
  });

  it('is refused at once if it is a directory or a pipe without a writer', async () => {
    const directory = scratch();
    expect(await problems(directory)).toMatch(/is a directory/);
    expect(await problems(join(directory, 'none'))).toMatch(/Cannot open .*ENOENT/);
    if (has('mkfifo')) {
      sh(directory, 'mkfifo pipe');
      expect(await problems(join(directory, 'pipe'))).toMatch(/is a device or pipe/);
    }
  });

  it('gets the command that makes it readable', async () => {
    const path = file('disk.raw', Buffer.alloc(512));
    chmodSync(path, 0);
    // Root can read every file, so a test that runs as root changes its user for a moment.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.('nobody');
    try {
      expect(await problems(path)).toMatch(/EACCES.*sudo chmod a\+r/);
    } finally {
      if (root) process.seteuid?.(0);
    }
  });
});

describe('a claimed format', () => {
  const samples = { RAW: Buffer.alloc(MiB), VHD: dynamicVhd(40 * GiB), QCOW2: qcow2() };
  const formats = ['RAW', 'VHD', 'QCOW2'] as const;
  test.each(formats.flatMap((is) => formats.map((claimed) => [is, claimed] as const)))(
    '%s as %s',
    async (is, claimed) => {
      const path = file('disk', samples[is]);
      expect((await judge(path)).format).toBe(is);
      if (is === claimed) expect((await judge(path, claimed)).format).toBe(is);
      else expect(await problems(path, claimed)).toContain(`format is ${claimed}, but the content is ${is}`);
    },
  );

  it('may also come from the name of the file', async () => {
    expect((await judge(file('disk.vhd', samples.RAW))).warnings[0]).toContain(
      'the name says VHD, but the content is RAW',
    );
  });
});

describe('assertUnchanged', () => {
  test.each<[string, (path: string) => void, RegExp | undefined]>([
    ['nothing', () => undefined, undefined],
    [
      'more bytes',
      (path) => {
        appendFileSync(path, 'x');
      },
      /size went from 1048576 to 1048577 bytes, it was written to/,
    ],
    [
      'other bytes',
      (path) => {
        writeFileSync(path, Buffer.alloc(MiB, 1));
      },
      /was written to/,
    ],
    [
      'other bytes with the old time',
      (path) => {
        utimesSync(path, 1, 1);
      },
      /mode or links|written to/,
    ],
    [
      'another file',
      (path) => {
        copyFileSync(path, `${path}2`);
        renameSync(`${path}2`, path);
      },
      /replaced by another file/,
    ],
    [
      'no file',
      (path) => {
        rmSync(path);
      },
      /was deleted/,
    ],
    [
      'a directory',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      /changed while it was read/,
    ],
  ])('after %s', async (_, change, message) => {
    const disk = await judge(file('disk.raw', Buffer.alloc(MiB)));
    change(disk.path);
    if (message === undefined) await assertUnchanged(disk);
    else await expect(assertUnchanged(disk)).rejects.toThrow(message);
  });
});

describe('shellQuote', () => {
  test.skipIf(!has('bash'))('gives bash the same name, on one line', () => {
    for (const name of ['a', 'a b', "it's", '-rf', '$(id)', 'a\nb', "q'\\\x1b", 'ü\u202e', '::error::', '~', '*']) {
      const word = shellQuote(name);
      expect(word).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(word).not.toMatch(/^:/);
      const back = execFileSync('bash', ['-c', `printf %s ${word}`], { encoding: 'utf8' });
      expect(back).toBe(name === '-rf' ? './-rf' : name);
    }
  });
});
