import { crc32 } from 'node:zlib';
import { bytes, shellQuote, u64le, type Source } from './disk.ts';

// Type GUIDs as they lie on disk: the first three fields little-endian.
const EFI_SYSTEM = guid('C12A7328-F81F-11D2-BA4B-00A0C93EC93B');
const BIOS_BOOT = [guid('21686148-6449-6E6F-744E-656564454649'), guid('83BD6B9D-7F41-11DC-BE0B-001560B84F0F')];
const UNUSED = '0'.repeat(32);
const LEGACY_BIOS_BOOTABLE = 4n;
const ENTRIES_READ = 1024 ** 2;

/** Byte offsets on the disk; `end` is the first byte behind. */
interface Partition {
  start: number;
  end: number;
}

/** What the first sectors of a disk say. One line for each problem and each warning. */
export interface Table {
  kind: 'GPT' | 'MBR' | 'none';
  partitions: Partition[];
  bootMode?: 'UEFI';
  problems: string[];
  warnings: string[];
}

interface Sector0 {
  entries: { active: boolean; type: number; start: number; count: number }[];
  code: boolean;
  generic: boolean;
}

/**
 * Reads the partition table of a disk and judges how it can boot. ECS boots by BIOS unless it is told otherwise, so
 * UEFI is named only when nothing on the disk could be meant for BIOS.
 * Facts: UEFI specification 2.10, section 5 (GPT); Windows puts its MBR code, which starts the active MBR partition
 * only, on GPT disks too (http://thestarman.mirror.kb1max.com/asm/mbr/GPT.htm).
 */
export async function readTable(disk: Source, path: string): Promise<Table> {
  const table: Table = { kind: 'none', partitions: [], problems: [], warnings: [] };
  const quoted = shellQuote(path);
  const again = 'Build, copy or download it again.';
  const mbr = parseMbr(await disk.read(0, 512));
  const real = mbr?.entries.filter(({ type }) => type !== 0xee) ?? [];
  // Without a protective entry a GPT is a leftover that nobody reads.
  const protective = mbr !== undefined && mbr.entries.length > real.length;
  const gpt = protective ? ((await gptAt(disk, 512)) ?? (await gptAt(disk, 4096))) : undefined;
  let efi = real.some(({ type }) => type === 0xef);
  let bios = mbr?.code === true && (!mbr.generic || real.some(({ active }) => active));

  if (gpt !== undefined) {
    table.kind = 'GPT';
    const { header, sector } = gpt;
    if (sector === 4096)
      table.warnings.push(`${quoted}: the GPT counts in sectors of 4096 bytes; ECS disks have 512, it may not boot.`);
    const backup = u64le(header, 32) * sector;
    if (backup + sector > disk.size)
      table.problems.push(
        `${quoted}: the disk is cut off: its GPT ends at ${bytes(backup + sector)}, the disk at ${bytes(disk.size)}. ${again}`,
      );
    else if ((await disk.read(backup, 8)).toString('latin1') !== 'EFI PART')
      table.warnings.push(`${quoted}: the backup of the GPT is missing. Run: sgdisk --move-second-header ${quoted}`);
    const entries = await gptEntries(disk, header, sector);
    if (entries === undefined)
      table.problems.push(`${quoted}: the checksum of the GPT is wrong. Run: sgdisk --verify ${quoted}`);
    for (const { type, start, end, attributes } of entries ?? []) {
      table.partitions.push({ start, end });
      efi ||= type === EFI_SYSTEM;
      bios ||= BIOS_BOOT.includes(type) || (attributes & LEGACY_BIOS_BOOTABLE) !== 0n;
    }
  } else if (real.length > 0) {
    table.kind = 'MBR';
    table.partitions = real.map(({ start, count }) => ({ start: start * 512, end: (start + count) * 512 }));
  } else if (protective) {
    table.kind = 'GPT';
    table.problems.push(`${quoted}: a protective MBR, but no GPT behind it. Run: sgdisk --verify ${quoted}`);
  }

  const end = Math.max(0, ...table.partitions.map((partition) => partition.end));
  if (end > disk.size && table.problems.length === 0)
    table.problems.push(
      `${quoted}: the disk is cut off: a partition ends at ${bytes(end)}, the disk at ${bytes(disk.size)}. ${again}`,
    );
  if (efi && !bios) table.bootMode = 'UEFI';
  if (table.kind === 'none') {
    table.warnings.push(`${quoted}: no partition table; a system disk without one does not boot.`);
  } else if (!efi && !bios) {
    table.warnings.push(
      `${quoted}: neither boot code nor an EFI system partition; a system disk like this does not boot.`,
    );
  }
  return table;
}

/** Undefined for anything but an MBR with entries that make sense: a FAT boot sector has the same signature. */
function parseMbr(sector: Buffer): Sector0 | undefined {
  if (sector.readUInt16BE(510) !== 0x55aa) return undefined;
  const entries = [446, 462, 478, 494].map((at) => ({
    status: sector.readUInt8(at),
    active: sector.readUInt8(at) === 0x80,
    type: sector.readUInt8(at + 4),
    start: sector.readUInt32LE(at + 8),
    count: sector.readUInt32LE(at + 12),
  }));
  if (entries.some(({ status, type, count }) => (status & 0x7f) !== 0 || (type === 0) !== (count === 0)))
    return undefined;
  const code = sector.subarray(0, 440);
  return {
    entries: entries.filter(({ type }) => type !== 0),
    code: code.some((byte) => byte !== 0),
    generic: code.includes('Invalid partition table'),
  };
}

async function gptAt(disk: Source, sector: number): Promise<{ header: Buffer; sector: number } | undefined> {
  const header = await disk.read(sector, sector);
  return header.toString('latin1', 0, 8) === 'EFI PART' ? { header, sector } : undefined;
}

/** The used entries of a GPT, or undefined when header or entries contradict their checksums. */
async function gptEntries(disk: Source, header: Buffer, sector: number) {
  const length = header.readUInt32LE(12);
  const count = header.readUInt32LE(80);
  const size = header.readUInt32LE(84);
  if (length < 92 || length > sector || size < 128 || count * size > ENTRIES_READ) return undefined;
  const covered = Buffer.from(header.subarray(0, length));
  covered.fill(0, 16, 20);
  if (crc32(covered) !== header.readUInt32LE(16)) return undefined;
  const entries = await disk.read(u64le(header, 72) * sector, count * size);
  if (crc32(entries) !== header.readUInt32LE(88)) return undefined;
  return Array.from({ length: count }, (_, index) => entries.subarray(index * size, (index + 1) * size))
    .map((entry) => ({
      type: entry.toString('hex', 0, 16),
      start: u64le(entry, 32) * sector,
      end: (u64le(entry, 40) + 1) * sector,
      attributes: entry.readBigUInt64LE(48),
    }))
    .filter(({ type }) => type !== UNUSED);
}

function guid(text: string): string {
  const [a = '', b = '', c = '', d = '', e = ''] = text.toLowerCase().split('-');
  const little = (hex: string) => Buffer.from(hex, 'hex').reverse().toString('hex');
  return little(a) + little(b) + little(c) + d + e;
}
