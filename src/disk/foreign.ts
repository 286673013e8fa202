import { shellQuote, type Findings, type Packed, type Source } from './disk.ts';

interface Kind {
  /** Set where the runner can unpack or convert it. */
  packed?: Packed;
  at: number;
  magic: string;
  is: string;
  fix: (file: string, unpacked: string) => string;
}

const convert = (format: string) => (file: string, unpacked: string) =>
  `qemu-img convert -f ${format} -O qcow2 ${file} ${shellQuote(unpacked)}`;

// Magic numbers as latin1; qemu's block/*.c for the disks, file(1)'s magic for the rest.
const KINDS: Kind[] = [
  { at: 0, magic: 'KDMV', packed: 'vmdk', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: 'COWD', packed: 'vmdk', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: '# Disk DescriptorFile', packed: 'vmdk', is: 'the descriptor of a VMDK disk', fix: convert('vmdk') },
  { at: 64, magic: '\x7f\x10\xda\xbe', packed: 'vdi', is: 'a VirtualBox VDI disk', fix: convert('vdi') },
  { at: 0, magic: 'vhdxfile', packed: 'vhdx', is: 'a VHDX disk', fix: convert('vhdx') },
  { at: 0, magic: 'QFI\xfb\0\0\0\x01', is: 'a QCOW disk of version 1', fix: convert('qcow') },
  { at: 0, magic: 'QED\0', is: 'a QED disk', fix: convert('qed') },
  {
    at: 0,
    magic: '\x1f\x8b',
    packed: 'gzip',
    is: 'compressed with gzip',
    fix: (f, u) => `gunzip --stdout ${f} > ${shellQuote(u)}`,
  },
  {
    at: 0,
    magic: '\xfd7zXZ\0',
    packed: 'xz',
    is: 'compressed with xz',
    fix: (f, u) => `xz -dc ${f} > ${shellQuote(u)}`,
  },
  {
    at: 0,
    magic: '\x28\xb5\x2f\xfd',
    packed: 'zstd',
    is: 'compressed with zstd',
    fix: (f, u) => `zstd -d ${f} -o ${shellQuote(u)}`,
  },
  {
    at: 0,
    magic: 'BZh',
    packed: 'bzip2',
    is: 'compressed with bzip2',
    fix: (f, u) => `bzip2 -dc ${f} > ${shellQuote(u)}`,
  },
  { at: 0, magic: '\x04\x22\x4d\x18', is: 'compressed with lz4', fix: (f, u) => `lz4 -d ${f} ${shellQuote(u)}` },
  { at: 0, magic: 'PK\x03\x04', is: 'a zip archive', fix: (f) => `unzip ${f}` },
  { at: 0, magic: '7z\xbc\xaf\x27\x1c', is: 'a 7z archive', fix: (f) => `7z x ${f}` },
  { at: 257, magic: 'ustar', packed: 'tar', is: 'a tar archive (an OVA is one, too)', fix: (f) => `tar -xf ${f}` },
];

/** What the first 512 bytes of a file show, where they show something that ECS does not import. */
export const foreignKind = (head: Buffer): Kind | undefined => {
  const text = head.toString('latin1', 0, 512);
  return KINDS.find(({ at, magic }) => text.startsWith(magic, at));
};

// Boot sectors, tables and file systems all begin with control characters somewhere; a text has none but these.
const NOT_TEXT = /[^\t\n\f\r\x1b\x20-\xff]/;

/**
 * Reports a file that is neither QCOW2 nor VHD nor a plain disk: a disk of another kind, something compressed that was
 * never unpacked, a program, a text. Reads the first 512 bytes, shows none of them (the text may be a
 * secret), and returns whether it is one of these.
 */
export async function isForeign(file: Source, findings: Findings): Promise<boolean> {
  const head = await file.read(0, 512);
  const { path, quoted } = findings;
  const text = head.toString('latin1', 0, Math.min(file.size, 512));
  const kind = foreignKind(head);
  const bare = path.replace(/\.(gz|xz|zst|bz2|lz4|vmdk|vdi|vhdx|qcow|qed)$/i, '');
  if (kind?.is.startsWith('compressed')) {
    findings.problem(`the file is ${kind.is}. Run: ${kind.fix(quoted, bare === path ? `${path}.raw` : bare)}`);
  } else if (kind !== undefined) {
    findings.problem(`the file is ${kind.is}, which ECS does not import. Run: ${kind.fix(quoted, `${bare}.qcow2`)}`);
  } else if (text.startsWith('\x7fELF')) {
    findings.problem('the file is a program (ELF), not a disk image.');
  } else if (text.startsWith('version https://git-lfs')) {
    findings.problem('a Git LFS pointer, the image itself was never downloaded. Run: git lfs pull');
  } else if (!NOT_TEXT.test(text)) {
    const is = text.trimStart().startsWith('<') ? 'a web page or XML (an error instead of the image?)' : 'a text';
    findings.problem(`the file is ${is}, not a disk image. Look at it with: head -c 300 ${quoted}`);
  } else return false;
  findings.packed = kind?.packed;
  return true;
}
