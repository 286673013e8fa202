import { crc32 } from 'node:zlib';
import type { Findings } from './disk.ts';
import { u64le, type Source } from './source.ts';
import { AGAIN, bytes } from './text.ts';

// Type GUIDs as stored on disk: the first three fields are little-endian.
const EFI_SYSTEM = guid('C12A7328-F81F-11D2-BA4B-00A0C93EC93B');
// The partitions from which the MBR code of GRUB and FreeBSD loads the boot loader.
const BIOS_BOOT = [guid('21686148-6449-6E6F-744E-656564454649'), guid('83BD6B9D-7F41-11DC-BE0B-001560B84F0F')];
const UNUSED = '0'.repeat(32);
const LEGACY_BIOS_BOOTABLE = 4n;
const ENTRIES_READ = 1024 ** 2;

/** Byte offsets on the disk. `end` is exclusive. */
interface Partition {
  start: number;
  end: number;
}

/** What the first sectors of a disk say. */
export interface Table {
  kind: 'GPT' | 'MBR' | 'none';
  partitions: Partition[];
  bootMode: 'UEFI' | undefined;
}

/**
 * Reads the partition table of a disk and decides how the disk can boot. ECS boots by BIOS by default, so the result is UEFI
 * only when nothing on the disk can boot by BIOS.
 * Facts: UEFI specification 2.10, section 5 (GPT). Windows also writes its MBR code, which starts only the active MBR
 * partition, to GPT disks (http://thestarman.mirror.kb1max.com/asm/mbr/GPT.htm).
 */
export async function readTable(disk: Source, findings: Findings, boots: boolean): Promise<Table> {
  const mbr = parseMbr(await disk.read(0, 512));
  const real = mbr?.entries.filter(({ type }) => type !== 0xee) ?? [];
  // Without a protective entry, firmware ignores a GPT: it is a remnant.
  const protective = mbr !== undefined && mbr.entries.length > real.length;
  const gpt = protective ? await readGpt(disk, findings, boots) : undefined;
  const efi = real.some(({ type }) => type === 0xef) || gpt?.some(({ type }) => type === EFI_SYSTEM) === true;
  const bios =
    (mbr?.code === true && (!mbr.generic || real.some(({ active }) => active))) ||
    gpt?.some(({ type, legacy }) => legacy || BIOS_BOOT.includes(type)) === true;
  const kind = protective ? 'GPT' : real.length > 0 ? 'MBR' : 'none';
  const partitions = gpt ?? real.map(({ start, count }) => ({ start: start * 512, end: (start + count) * 512 }));

  const end = partitions.reduce((last, partition) => Math.max(last, partition.end), 0);
  if (end > disk.size && findings.problems.length === 0)
    findings.problem(
      `it is cut off: a partition ends at ${bytes(end)}, the disk ends at ${bytes(disk.size)}. ${AGAIN}`,
    );
  if (boots && kind === 'none')
    findings.warn('the disk has no partition table; a system disk without one does not boot.');
  else if (boots && !efi && !bios)
    findings.warn('the disk has neither boot code nor an EFI system partition; such a system disk does not boot.');
  return { kind, partitions, bootMode: efi && !bios ? 'UEFI' : undefined };
}

/** Undefined unless the entries make sense: a FAT boot sector has the same signature as an MBR. */
function parseMbr(sector: Buffer) {
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

/** The used entries of the GPT. Adds its problems to the findings. */
async function readGpt(disk: Source, findings: Findings, boots: boolean) {
  let sector = 512;
  let header = await disk.read(sector, sector);
  if (!isGpt(header)) header = await disk.read((sector = 4096), sector);
  if (!isGpt(header)) {
    findings.problem(`the disk has a protective MBR, but no GPT. Run: sgdisk --verify ${findings.quoted}`);
    return [];
  }
  if (boots && sector === 4096)
    findings.warn('the GPT uses sectors of 4096 bytes, but ECS disks have 512: the disk may not boot.');
  const backup = u64le(header, 32) * sector;
  if (backup + sector > disk.size) {
    const ends = `its GPT ends at ${bytes(backup + sector)}, the disk ends at ${bytes(disk.size)}`;
    findings.problem(`it is cut off: ${ends}. ${AGAIN}`);
  } else if (!isGpt(await disk.read(backup, 8)))
    findings.warn(`the backup of the GPT is missing. Run: sgdisk --move-second-header ${findings.quoted}`);

  const length = header.readUInt32LE(12);
  const count = header.readUInt32LE(80);
  const size = header.readUInt32LE(84);
  const sane = length >= 92 && length <= sector && size >= 128 && count * size <= ENTRIES_READ;
  const entries = await disk.read(u64le(header, 72) * sector, sane ? count * size : 0);
  const covered = Buffer.from(header).fill(0, 16, 20).subarray(0, length);
  if (!sane || crc32(covered) !== header.readUInt32LE(16) || crc32(entries) !== header.readUInt32LE(88)) {
    findings.problem(`the checksum of the GPT is wrong. Run: sgdisk --verify ${findings.quoted}`);
    return [];
  }
  return Array.from({ length: count }, (_, index) => entries.subarray(index * size, (index + 1) * size))
    .map((entry) => ({
      type: entry.toString('hex', 0, 16),
      start: u64le(entry, 32) * sector,
      end: (u64le(entry, 40) + 1) * sector,
      legacy: (entry.readBigUInt64LE(48) & LEGACY_BIOS_BOOTABLE) !== 0n,
    }))
    .filter(({ type }) => type !== UNUSED);
}

const isGpt = (header: Buffer): boolean => header.toString('latin1', 0, 8) === 'EFI PART';

function guid(text: string): string {
  const [a = '', b = '', c = '', d = '', e = ''] = text.toLowerCase().split('-');
  const little = (hex: string) => Buffer.from(hex, 'hex').reverse().toString('hex');
  return little(a) + little(b) + little(c) + d + e;
}
