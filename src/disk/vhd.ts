import { bytes, shellQuote, u64be, type Inside, type Source } from './disk.ts';

const COOKIE = 'conectix';
const NONE = 0xffffffff;
const SECTOR = 512;
const BLOCK = 2 * 1024 ** 2;
const MAX_GEOMETRY = 65535 * 16 * 255 * SECTOR;
const BAT_READ = 4 * 1024 ** 2;

/** Whether a file begins or ends with the cookie of a VHD. */
export async function isVhd(file: Source): Promise<boolean> {
  return cookie(await file.read(0, SECTOR)) || cookie(await file.read(file.size - SECTOR, SECTOR));
}

/**
 * Checks footer, header and block table of a VHD, fixed or dynamic, against the file. Sizes in bytes.
 * Facts: Virtual Hard Disk Image Format Specification (Microsoft, 2006), qemu's block/vpc.c, and for ECS the codes
 * InvalidVHDImage.IncorrectSize and InvalidBlockSize.NotSupport of
 * https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-importimage
 */
export async function inspectVhd(file: Source, path: string): Promise<Inside> {
  const footer = await file.read(file.size - SECTOR, SECTOR);
  const quoted = shellQuote(path);
  const inside: Inside = { virtualSize: 0, problems: [], warnings: [] };
  const problem = (text: string) => inside.problems.push(`${quoted}: ${text}`);
  const again = 'Build, copy or download it again.';
  const repair = `Run: qemu-img convert -f vpc -O qcow2 ${quoted} ${shellQuote(`${path}.qcow2`)}`;
  if (!cookie(footer)) {
    problem(`the VHD is cut off: a file of ${bytes(file.size)} without a footer at its end. ${again}`);
    return inside;
  }
  const type = footer.readUInt32BE(60);
  const size = u64be(footer, 48);
  inside.virtualSize = size;
  if (checksum(footer, 64) !== footer.readUInt32BE(64)) problem(`the checksum of the VHD footer is wrong. ${again}`);
  if (footer.readUInt16BE(12) !== 1) problem(`the VHD has version ${footer.readUInt16BE(12)}, not 1. ${again}`);
  if (type === 4) {
    problem(`a differencing VHD needs its parent. Run in PowerShell: Merge-VHD -Path ${quoted}`);
  } else if (type !== 2 && type !== 3) {
    problem(`the VHD has disk type ${type}, neither fixed (2) nor dynamic (3). ${again}`);
  }
  if (size === 0 || size % SECTOR !== 0 || size > 2040 * 1024 ** 3)
    problem(`the VHD says that its disk has ${bytes(size)}, which no VHD can have. ${again}`);
  if (inside.problems.length > 0) return inside;

  const geometry = footer.readUInt16BE(56) * footer.readUInt8(58) * footer.readUInt8(59) * SECTOR;
  // The greatest geometry stands for "see the size": force_size writes it, and disks beyond 127 GiB have no other.
  if (geometry === 0 || (geometry > size && geometry !== MAX_GEOMETRY))
    inside.warnings.push(`${quoted}: the VHD's geometry says ${bytes(geometry)}, its size ${bytes(size)}. ${repair}`);
  if (type === 2) {
    const data = file.size - SECTOR;
    if (data < size) problem(`the VHD is cut off: ${bytes(size)} of disk, ${bytes(data)} in the file. ${again}`);
    else if (data > size) problem(`the VHD holds ${bytes(data)}, its footer says ${bytes(size)}. ${repair}`);
    else inside.guest = { size, read: (offset, length) => clipped(file, size, offset, length) };
    return inside;
  }

  // Readers of a dynamic VHD take the copy of the footer at the beginning, so it must say the same.
  const copy = await file.read(0, SECTOR);
  const same = (from: number, to: number) => footer.subarray(from, to).equals(copy.subarray(from, to));
  if (!cookie(copy) || !same(16, 24) || !same(48, 64)) problem(`the VHD's header differs from its footer. ${again}`);
  const headerAt = u64be(footer, 16);
  const header = await file.read(headerAt, 1024);
  if (header.toString('latin1', 0, 8) !== 'cxsparse' || headerAt + 1024 > file.size - SECTOR) {
    problem(`the dynamic VHD has no dynamic disk header where its footer says. ${again}`);
    return inside;
  }
  if (checksum(header, 36) !== header.readUInt32BE(36))
    problem(`the checksum of the VHD's dynamic disk header is wrong. ${again}`);
  const tableAt = u64be(header, 16);
  const entries = header.readUInt32BE(28);
  const block = header.readUInt32BE(32);
  if (block < SECTOR || (block & (block - 1)) !== 0) {
    problem(`the VHD has blocks of ${bytes(block)}, which is no power of two. ${again}`);
    return inside;
  }
  if (block !== BLOCK)
    inside.warnings.push(`${quoted}: the VHD has blocks of ${bytes(block)}; ECS may want 2 MiB. ${repair}`);
  const covered = entries * block;
  const resize = `${repair} (or make it from its source with: -O vpc -o subformat=dynamic,force_size)`;
  const table = `its table covers ${entries} blocks of ${bytes(block)}, its disk has ${bytes(size)}`;
  if (covered < size || covered >= size + block) {
    problem(`the VHD contradicts itself: ${table} (ECS: InvalidVHDImage.IncorrectSize). ${resize}`);
  } else if (covered !== size) {
    inside.warnings.push(`${quoted}: ${table}; ECS may answer InvalidVHDImage.IncorrectSize. ${resize}`);
  }
  if (tableAt + entries * 4 > file.size - SECTOR) problem(`the VHD is cut off inside its block table. ${again}`);
  if (inside.problems.length > 0) return inside;

  const bat = await file.read(tableAt, Math.min(entries * 4, BAT_READ));
  const bitmap = Math.ceil(block / SECTOR / 8 / SECTOR) * SECTOR;
  let end = 0;
  for (let at = 0; at < bat.length; at += 4) {
    const sector = bat.readUInt32BE(at);
    if (sector !== NONE) end = Math.max(end, sector * SECTOR + bitmap + block);
  }
  if (end > file.size - SECTOR) {
    problem(`the VHD is cut off: its blocks reach to ${bytes(end)}, the file has ${bytes(file.size)}. ${again}`);
    return inside;
  }
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const whole = Buffer.alloc(length);
    for (let done = 0; done < length && offset + done < size;) {
      const at = offset + done;
      const part = Math.min(length - done, block - (at % block));
      const index = Math.floor(at / block) * 4;
      const sector = index + 4 <= bat.length ? bat.readUInt32BE(index) : NONE;
      if (sector !== NONE) (await file.read(sector * SECTOR + bitmap + (at % block), part)).copy(whole, done);
      done += part;
    }
    return whole;
  };
  inside.guest = { size, read };
  return inside;
}

async function clipped(file: Source, size: number, offset: number, length: number): Promise<Buffer> {
  const buffer = await file.read(offset, length);
  return buffer.fill(0, Math.min(length, Math.max(0, size - offset)));
}

function cookie(sector: Buffer): boolean {
  return sector.toString('latin1', 0, COOKIE.length) === COOKIE;
}

/** One's complement of the sum of all bytes but the four of the checksum itself. */
function checksum(header: Buffer, at: number): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) if (index < at || index >= at + 4) sum += byte;
  return ~sum >>> 0;
}
