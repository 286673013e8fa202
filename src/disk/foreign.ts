import type { Findings, Packed } from './disk.ts';
import type { Source } from './source.ts';
import { shellQuote } from './text.ts';

interface Kind {
  at: number;
  magic: string;
  /** Set where the runner can unpack or convert it. */
  packed?: Packed;
  is: string;
  /** The command that makes an image of it. */
  fix: (path: string) => string;
}

const bareName = (path: string) => path.replace(/\.(gz|xz|zst|bz2|lz4|vmdk|vdi|vhdx|qcow|qed)$/i, '');
const stdout = (command: string) => (path: string) => {
  const bare = bareName(path);
  return `${command} ${shellQuote(path)} > ${shellQuote(bare === path ? `${path}.raw` : bare)}`;
};
const convert = (format: string) => (path: string) =>
  `qemu-img convert -f ${format} -O qcow2 ${shellQuote(path)} ${shellQuote(`${bareName(path)}.qcow2`)}`;
const extract = (command: string) => (path: string) => `${command} ${shellQuote(path)}`;

// Magic numbers as latin1, from qemu's block/*.c for the disks and from file(1) for the rest.
const KINDS: Kind[] = [
  { at: 0, magic: 'KDMV', packed: 'vmdk', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: 'COWD', packed: 'vmdk', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: '# Disk DescriptorFile', packed: 'vmdk', is: 'the descriptor of a VMDK disk', fix: convert('vmdk') },
  { at: 64, magic: '\x7f\x10\xda\xbe', packed: 'vdi', is: 'a VirtualBox VDI disk', fix: convert('vdi') },
  { at: 0, magic: 'vhdxfile', packed: 'vhdx', is: 'a VHDX disk', fix: convert('vhdx') },
  { at: 0, magic: 'QFI\xfb\0\0\0\x01', is: 'a QCOW disk of version 1', fix: convert('qcow') },
  { at: 0, magic: 'QED\0', is: 'a QED disk', fix: convert('qed') },
  { at: 0, magic: '\x1f\x8b', packed: 'gzip', is: 'compressed with gzip', fix: stdout('gunzip --stdout') },
  { at: 0, magic: '\xfd7zXZ\0', packed: 'xz', is: 'compressed with xz', fix: stdout('xz -dc') },
  { at: 0, magic: '\x28\xb5\x2f\xfd', packed: 'zstd', is: 'compressed with zstd', fix: stdout('zstd -dc') },
  // A skippable frame, with which pzstd begins.
  { at: 0, magic: '\x50\x2a\x4d\x18', packed: 'zstd', is: 'compressed with zstd', fix: stdout('zstd -dc') },
  { at: 0, magic: 'BZh', packed: 'bzip2', is: 'compressed with bzip2', fix: stdout('bzip2 -dc') },
  { at: 0, magic: '\x04\x22\x4d\x18', is: 'compressed with lz4', fix: stdout('lz4 -dc') },
  { at: 0, magic: 'PK\x03\x04', is: 'a zip archive', fix: extract('unzip') },
  { at: 0, magic: '7z\xbc\xaf\x27\x1c', is: 'a 7z archive', fix: extract('7z x') },
  { at: 257, magic: 'ustar', packed: 'tar', is: 'a tar archive (an OVA is one, too)', fix: extract('tar -xf') },
];

/** Whether a block of 512 bytes is the header of a tar member: its checksum says so even in archives without magic. */
export function isTarHeader(block: Buffer): boolean {
  let sum = 8 * 32;
  for (const [at, byte] of block.subarray(0, 512).entries()) if (at < 148 || at >= 156) sum += byte;
  return parseInt(block.toString('latin1', 148, 156), 8) === sum;
}

/** What the first 512 bytes of a file show, when they show something that ECS does not import. */
export function foreignKind(head: Buffer): Kind | undefined {
  const text = head.toString('latin1', 0, 512);
  return KINDS.find(({ at, magic, packed }) => text.startsWith(magic, at) || (packed === 'tar' && isTarHeader(head)));
}

// Boot sectors, partition tables and file systems all have control characters in their first sector; a text has only these.
const NOT_TEXT = /[^\t\n\f\r\x1b\x20-\xff]/;

/**
 * Reports a file that is neither QCOW2 nor VHD nor a plain disk: a disk in another format, a compressed file, a program or
 * a text. Reads the first 512 bytes and prints none of them, because a text may be a secret.
 * @returns whether the file is one of these
 */
export async function isForeign(file: Source, findings: Findings): Promise<boolean> {
  const head = await file.read(0, 512);
  const kind = foreignKind(head);
  const text = head.toString('latin1', 0, Math.min(file.size, 512));
  const problem =
    kind === undefined
      ? noDisk(text, findings)
      : `the file is ${kind.is}, which ECS does not import. Run: ${kind.fix(findings.path)}`;
  if (problem !== undefined) findings.problem(problem, kind?.packed);
  return problem !== undefined;
}

function noDisk(text: string, { quoted }: Findings): string | undefined {
  if (text.startsWith('\x7fELF')) return 'the file is a program (ELF), not a disk image.';
  if (text.startsWith('version https://git-lfs'))
    return 'the file is a Git LFS pointer; the image itself was not downloaded. Run: git lfs pull';
  if (NOT_TEXT.test(text)) return undefined;
  const is = text.trimStart().startsWith('<') ? 'a web page or XML (perhaps an error page)' : 'plain text';
  return `the file is ${is}, not a disk image. Look at it with: head -c 300 ${quoted}`;
}
