import type { Findings } from './disk.ts';
import { blockwise, u64be, type Inside, type Source } from './source.ts';
import { AGAIN, bytes, shellQuote } from './text.ts';

const COOKIE = 'conectix';
const FIXED = 2;
const DYNAMIC = 3;
const DIFFERENCING = 4;
const NONE = 0xffffffff;
const SECTOR = 512;
const USUAL_BLOCK = 2 * 1024 ** 2;
const MAX_SIZE = 2040 * 1024 ** 3;
// The greatest geometry means "see the size". force_size writes it, and larger disks (over 127 GiB) have no other.
const SEE_SIZE = 65535 * 16 * 255 * SECTOR;
const BAT_READ = 4 * 1024 ** 2;

/** Whether a file begins or ends with the magic number of a VHD. */
export async function isVhd(file: Source): Promise<boolean> {
  return cookie(await file.read(0, SECTOR)) || cookie(await file.read(file.size - SECTOR, SECTOR));
}

/**
 * Checks footer, header and block table of a fixed or dynamic VHD against the file. Sizes in bytes.
 * Facts: Virtual Hard Disk Image Format Specification (Microsoft, 2006), qemu's block/vpc.c, and for ECS the error codes
 * InvalidVHDImage.IncorrectSize and InvalidBlockSize.NotSupport of
 * https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-importimage
 */
export async function inspectVhd(file: Source, findings: Findings): Promise<Inside> {
  const footer = await file.read(file.size - SECTOR, SECTOR);
  const type = footer.readUInt32BE(60);
  const virtualSize = u64be(footer, 48);
  if (!cookie(footer)) {
    findings.problem(`the VHD is cut off: the file of ${bytes(file.size)} has no footer at its end. ${AGAIN}`);
    return { virtualSize: 0 };
  }
  if (checksum(footer, 64) !== footer.readUInt32BE(64))
    findings.problem(`the checksum of the VHD footer is wrong. ${AGAIN}`);
  if (footer.readUInt16BE(12) !== 1)
    findings.problem(`the VHD has version ${footer.readUInt16BE(12)}, not 1. ${AGAIN}`);
  if (type === DIFFERENCING)
    findings.problem(`a differencing VHD needs its parent. Run in PowerShell: Merge-VHD -Path ${findings.quoted}`);
  else if (type !== FIXED && type !== DYNAMIC)
    findings.problem(`the VHD has disk type ${type}, neither fixed (2) nor dynamic (3). ${AGAIN}`);
  if (virtualSize === 0 || virtualSize % SECTOR !== 0 || virtualSize > MAX_SIZE)
    findings.problem(`the VHD footer gives a disk of ${bytes(virtualSize)}, which a VHD cannot have. ${AGAIN}`);
  const geometry = footer.readUInt16BE(56) * footer.readUInt8(58) * footer.readUInt8(59) * SECTOR;
  if (geometry === 0 || (geometry > virtualSize && geometry !== SEE_SIZE))
    findings.warn(
      `the VHD's geometry gives ${bytes(geometry)}, its size is ${bytes(virtualSize)}. ${repair(findings)}`,
    );
  if (findings.problems.length > 0) return { virtualSize };
  if (type === DYNAMIC) return inspectDynamic(file, footer, virtualSize, findings);

  const data = file.size - SECTOR;
  if (data < virtualSize)
    findings.problem(
      `the VHD is cut off: its disk has ${bytes(virtualSize)}, the file has ${bytes(data)} of it. ${AGAIN}`,
    );
  if (data > virtualSize)
    findings.problem(`the VHD has ${bytes(data)} of data, its footer gives ${bytes(virtualSize)}. ${repair(findings)}`);
  return { virtualSize, guest: { size: virtualSize, read: (offset, length) => file.read(offset, length) } };
}

async function inspectDynamic(file: Source, footer: Buffer, size: number, findings: Findings): Promise<Inside> {
  // Readers of a dynamic VHD use the copy of the footer at the beginning, so both must agree.
  const copy = await file.read(0, SECTOR);
  const same = (from: number, to: number) => footer.subarray(from, to).equals(copy.subarray(from, to));
  if (!cookie(copy) || !same(16, 24) || !same(48, 64))
    findings.problem(`the VHD's header differs from its footer. ${AGAIN}`);
  const headerAt = u64be(footer, 16);
  const header = await file.read(headerAt, 1024);
  const tableAt = u64be(header, 16);
  const entries = header.readUInt32BE(28);
  const block = header.readUInt32BE(32);
  const dataEnd = file.size - SECTOR;
  if (header.toString('latin1', 0, 8) !== 'cxsparse' || headerAt + 1024 > dataEnd)
    findings.problem(`the dynamic VHD has no dynamic disk header where its footer points. ${AGAIN}`);
  else if (checksum(header, 36) !== header.readUInt32BE(36))
    findings.problem(`the checksum of the VHD's dynamic disk header is wrong. ${AGAIN}`);
  else if (block < SECTOR || (block & (block - 1)) !== 0)
    findings.problem(`the VHD has blocks of ${bytes(block)}, which is not a power of two. ${AGAIN}`);
  else if (tableAt + entries * 4 > dataEnd) findings.problem(`the VHD is cut off inside its block table. ${AGAIN}`);
  if (findings.problems.length > 0) return { virtualSize: size };

  if (block !== USUAL_BLOCK)
    findings.warn(`the VHD has blocks of ${bytes(block)}; ECS may require 2 MiB. ${repair(findings)}`);
  const covered = entries * block;
  const table = `its table covers ${entries} blocks of ${bytes(block)}, its disk has ${bytes(size)}`;
  const answer = 'answer InvalidVHDImage.IncorrectSize';
  const resize = `${repair(findings)} (or make it from its source with: -O vpc -o subformat=dynamic,force_size)`;
  if (covered < size || covered >= size + block) findings.problem(`${table}; ECS will ${answer}. ${resize}`);
  else if (covered !== size) findings.warn(`${table}; ECS may ${answer}. ${resize}`);

  const bat = await file.read(tableAt, Math.min(entries * 4, BAT_READ));
  const bitmap = Math.ceil(block / SECTOR / 8 / SECTOR) * SECTOR;
  let end = 0;
  for (let at = 0; at < bat.length; at += 4) {
    const sector = bat.readUInt32BE(at);
    if (sector !== NONE) end = Math.max(end, sector * SECTOR + bitmap + block);
  }
  if (end > dataEnd)
    findings.problem(
      `the VHD is cut off: its blocks reach to ${bytes(end)}, the file has ${bytes(file.size)}. ${AGAIN}`,
    );
  const guest = blockwise(size, block, async (at, length) => {
    const index = Math.floor(at / block) * 4;
    const sector = index + 4 <= bat.length ? bat.readUInt32BE(index) : NONE;
    return sector === NONE ? undefined : file.read(sector * SECTOR + bitmap + (at % block), length);
  });
  return { virtualSize: size, guest };
}

// Converts to QCOW2, because another VHD would have the same size, which is the usual problem.
const repair = ({ path, quoted }: Findings): string =>
  `Run: qemu-img convert -f vpc -O qcow2 ${quoted} ${shellQuote(`${path}.qcow2`)}`;

const cookie = (sector: Buffer): boolean => sector.toString('latin1', 0, COOKIE.length) === COOKIE;

/** One's complement of the sum of all bytes except the four bytes of the checksum itself. */
function checksum(header: Buffer, at: number): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) if (index < at || index >= at + 4) sum += byte;
  return ~sum >>> 0;
}
