/**
 * Makes scripts/fixture.img.gz, the disk of the demo: 4 GiB with a GPT, a BIOS boot partition and an ext4 root partition
 * with a few files. All identifiers and times are fixed, so that the same tools give the same bytes (Debian 12: gdisk
 * 1.0.9, e2fsprogs 1.47.0). The demo itself does not need these tools.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { packDisk } from './packed-disk.ts';

const GIB = 1024 ** 3;
const SECTOR = 512;
const SIZE = 4 * GIB;
const MIB = 1024 ** 2;
const BOOT = { first: MIB / SECTOR, last: (2 * MIB) / SECTOR - 1 };
const ROOT = { first: (2 * MIB) / SECTOR, last: (SIZE - MIB) / SECTOR - 1 };
/** The start of 2026, in seconds since 1970. */
const BIRTH = 1767225600;
const uuid = (number: number): string => `a11c10d0-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Enough bytes for many parts of an upload. No two blocks are equal, but they compress well. */
function payload(blocks: number): Buffer {
  const bytes = Buffer.alloc(blocks * 4096, 'All work and no play makes a disk image. ');
  for (let block = 0; block < blocks; block++) bytes.writeUInt32BE(block, block * 4096);
  return bytes;
}

const FILES: Record<string, string | Buffer> = {
  'etc/os-release': 'NAME="Demo Linux"\nID=demo\nVERSION_ID=1\nPRETTY_NAME="Demo Linux 1 (nothing to boot)"\n',
  'etc/hostname': 'demo\n',
  'etc/fstab': `UUID=${uuid(4)} / ext4 defaults 0 1\n`,
  'boot/grub/grub.cfg': 'set timeout=1\n',
  'srv/payload.bin': payload((32 * MIB) / 4096),
};

function tool(name: string, args: string[]): void {
  const env = {
    PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    // e2fsprogs takes this for the current time.
    E2FSPROGS_FAKE_TIME: String(BIRTH),
  };
  execFileSync(name, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

const work = mkdtempSync(join(tmpdir(), 'fixture-'));
try {
  const tree = join(work, 'tree');
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), content);
  }

  const disk = join(work, 'disk.raw');
  writeFileSync(disk, '');
  truncateSync(disk, SIZE);
  tool('sgdisk', [
    ...['--clear', `--disk-guid=${uuid(1)}`],
    ...[
      `--new=1:${BOOT.first}:${BOOT.last}`,
      '--typecode=1:ef02',
      '--change-name=1:bios',
      `--partition-guid=1:${uuid(2)}`,
    ],
    ...[
      `--new=2:${ROOT.first}:${ROOT.last}`,
      '--typecode=2:8300',
      '--change-name=2:root',
      `--partition-guid=2:${uuid(3)}`,
    ],
    disk,
  ]);

  const offset = ROOT.first * SECTOR;
  const blocks = ((ROOT.last - ROOT.first + 1) * SECTOR) / 4096;
  const extended = `offset=${offset},hash_seed=${uuid(5)},root_owner=0:0,nodiscard`;
  tool('mke2fs', [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-b4096',
    '-Lroot',
    `-U${uuid(4)}`,
    `-E${extended}`,
    `-d${tree}`,
    disk,
    `${blocks}`,
  ]);

  // mke2fs copies owner and times of each file; only debugfs can set all of them.
  const commands = readdirSync(tree, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = `/${relative(tree, join(entry.parentPath, entry.name))}`;
    const times = ['atime', 'mtime', 'ctime', 'crtime'].flatMap((time) => [`${time} @${BIRTH}`, `${time}_extra 0`]);
    return [`mode ${entry.isDirectory() ? '040755' : '0100644'}`, 'uid 0', 'gid 0', ...times].map(
      (field) => `sif ${path} ${field}`,
    );
  });
  const script = join(work, 'commands');
  writeFileSync(script, commands.join('\n'));
  tool('debugfs', ['-w', `-f${script}`, `${disk}?offset=${offset}`]);
  tool('sgdisk', ['--verify', disk]);
  tool('e2fsck', ['-f', '-n', `${disk}?offset=${offset}`]);

  const packed = await packDisk(disk);
  writeFileSync(new URL('fixture.img.gz', import.meta.url), packed);
  console.log(`scripts/fixture.img.gz: ${packed.length} bytes`);
} finally {
  rmSync(work, { recursive: true });
}
