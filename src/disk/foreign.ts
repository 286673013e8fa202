import { shellQuote, type Source } from './disk.ts';

interface Kind {
  at: number;
  magic: string;
  is: string;
  fix: (file: string, unpacked: string) => string;
}

const convert = (format: string) => (file: string, unpacked: string) =>
  `qemu-img convert -f ${format} -O qcow2 ${file} ${shellQuote(unpacked)}`;

// Magic numbers as latin1; qemu's block/*.c for the disks, file(1)'s magic for the rest.
const KINDS: Kind[] = [
  { at: 0, magic: 'KDMV', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: 'COWD', is: 'a VMDK disk', fix: convert('vmdk') },
  { at: 0, magic: '# Disk DescriptorFile', is: 'the descriptor of a VMDK disk', fix: convert('vmdk') },
  { at: 64, magic: '\x7f\x10\xda\xbe', is: 'a VirtualBox VDI disk', fix: convert('vdi') },
  { at: 0, magic: 'vhdxfile', is: 'a VHDX disk', fix: convert('vhdx') },
  { at: 0, magic: 'QFI\xfb\0\0\0\x01', is: 'a QCOW disk of version 1', fix: convert('qcow') },
  { at: 0, magic: 'QED\0', is: 'a QED disk', fix: convert('qed') },
  { at: 0, magic: '\x1f\x8b', is: 'compressed with gzip', fix: (f, u) => `gunzip --stdout ${f} > ${shellQuote(u)}` },
  { at: 0, magic: '\xfd7zXZ\0', is: 'compressed with xz', fix: (f, u) => `xz -dc ${f} > ${shellQuote(u)}` },
  { at: 0, magic: '\x28\xb5\x2f\xfd', is: 'compressed with zstd', fix: (f, u) => `zstd -d ${f} -o ${shellQuote(u)}` },
  { at: 0, magic: 'BZh', is: 'compressed with bzip2', fix: (f, u) => `bzip2 -dc ${f} > ${shellQuote(u)}` },
  { at: 0, magic: '\x04\x22\x4d\x18', is: 'compressed with lz4', fix: (f, u) => `lz4 -d ${f} ${shellQuote(u)}` },
  { at: 0, magic: 'PK\x03\x04', is: 'a zip archive', fix: (f) => `unzip ${f}` },
  { at: 0, magic: '7z\xbc\xaf\x27\x1c', is: 'a 7z archive', fix: (f) => `7z x ${f}` },
  { at: 257, magic: 'ustar', is: 'a tar archive (an OVA is one, too)', fix: (f) => `tar -xf ${f}` },
];

/**
 * What a file is when it is neither QCOW2 nor VHD nor a plain disk: a disk of another kind, something compressed that
 * was never unpacked, a program, a text. The line ends with the command that helps. Reads the first 512 bytes.
 */
export async function foreignKind(file: Source, path: string): Promise<string | undefined> {
  const head = await file.read(0, 512);
  const quoted = shellQuote(path);
  const unpacked = path.replace(/\.(gz|xz|zst|bz2|lz4|vmdk|vdi|vhdx|qcow|qed|img|raw)$/i, '');
  for (const { at, magic, is, fix } of KINDS) {
    if (head.toString('latin1', at, at + magic.length) !== magic) continue;
    const plain = is.startsWith('compressed');
    const target = plain ? (unpacked === path ? `${path}.raw` : unpacked) : `${unpacked}.qcow2`;
    return `${quoted} is ${is}, not a RAW, VHD or QCOW2 image. Run: ${fix(quoted, target)}`;
  }
  if (head.toString('latin1', 0, 4) === '\x7fELF') return `${quoted} is a program (ELF), not a disk image.`;
  const text = head.toString('latin1', 0, Math.min(file.size, 512));
  if (text.startsWith('version https://git-lfs'))
    return `${quoted} is a Git LFS pointer, the image itself was never downloaded. Run: git lfs pull`;
  // No boot sector, file system or table is free of control characters; the text is not shown, it may be a secret.

  if (/[^\t\n\f\r\x1b\x20-\xff]/.test(text)) return undefined;
  const is = text.trimStart().startsWith('<') ? 'a web page or XML (an error answer instead of the image?)' : 'a text';
  return `${quoted} is ${is}, not a disk image. Look at it with: head -c 300 ${quoted}`;
}
