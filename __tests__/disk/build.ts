import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { DiskError, type DiskImage, type Format } from '../../src/disk/disk.ts';
import { openDisk } from '../../src/disk/inspect.ts';

export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;
export const EFI = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
export const BIOS_BOOT = '21686148-6449-6E6F-744E-656564454649';
export const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

/** A directory that is removed after the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'disk-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Writes pieces at their offsets into a sparse file of `size` bytes and returns its path. */
export async function write(path: string, size: number, pieces: [number, Buffer][]): Promise<string> {
  const handle = await open(path, 'w');
  await handle.truncate(size);
  for (const [offset, bytes] of pieces) await handle.write(bytes, 0, bytes.length, offset < 0 ? size + offset : offset);
  await handle.close();
  return path;
}

/** A file in a new directory. */
export function file(name: string, content: string | Buffer): string {
  const path = join(scratch(), name);
  writeFileSync(path, content);
  return path;
}

/** Opens and closes a disk image, and returns what the inspection found. */
export async function judge(path: string, claimed?: Format, boots?: boolean): Promise<DiskImage> {
  const disk = await openDisk(path, claimed, boots);
  await disk.handle.close();
  return disk;
}

/** Returns the problems of a file that must be refused. */
export async function problems(path: string, claimed?: Format): Promise<string> {
  try {
    await judge(path, claimed);
  } catch (error) {
    if (error instanceof DiskError) return error.problems.join('\n');
    throw error;
  }
  throw new Error(`${path} was accepted`);
}

/** Whether all these tools are installed. */
export function has(...tools: string[]): boolean {
  try {
    for (const tool of tools) execFileSync('sh', ['-c', 'PATH="$PATH:/sbin:/usr/sbin" command -v "$0"', tool]);
    return true;
  } catch {
    return false;
  }
}

/** Runs a shell command in a directory, sbin included. */
export function sh(directory: string, command: string): string {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/sbin:/usr/sbin` };
  return execFileSync('sh', ['-ec', command], { cwd: directory, env, stdio: 'pipe', encoding: 'utf8' });
}

interface MbrEntry {
  active?: boolean;
  type: number;
  start: number;
  count: number;
}

/** Sector 0, with `code` in its first 440 bytes. */
export function mbr(entries: MbrEntry[], code = ''): Buffer {
  const sector = Buffer.alloc(512);
  sector.write(code, 'latin1');
  entries.forEach(({ active, type, start, count }, index) => {
    const at = 446 + index * 16;
    sector.writeUInt8(active ? 0x80 : 0, at);
    sector.writeUInt8(type, at + 4);
    sector.writeUInt32LE(start, at + 8);
    sector.writeUInt32LE(count, at + 12);
  });
  sector.writeUInt16BE(0x55aa, 510);
  return sector;
}

function guid(text: string): Buffer {
  const [a = '', b = '', c = '', d = '', e = ''] = text.split('-');
  const little = [a, b, c].map((hex) => Buffer.from(hex, 'hex').reverse());
  return Buffer.concat([...little, Buffer.from(d + e, 'hex')]);
}

interface GptOptions {
  size: number;
  types: string[];
  sector?: number;
  code?: string;
  attributes?: bigint;
  hybrid?: MbrEntry[];
}

/** The pieces of a disk with a GPT; each partition is a MiB, from 1 MiB on. */
export function gpt({ size, types, sector = 512, code, attributes = 0n, hybrid = [] }: GptOptions): [number, Buffer][] {
  const last = size / sector - 1;
  const entries = Buffer.alloc(128 * 128);
  types.forEach((type, index) => {
    guid(type).copy(entries, index * 128);
    entries.writeUInt8(index + 1, index * 128 + 16);
    entries.writeBigUInt64LE(BigInt(((index + 1) * MiB) / sector), index * 128 + 32);
    entries.writeBigUInt64LE(BigInt(((index + 2) * MiB) / sector - 1), index * 128 + 40);
    entries.writeBigUInt64LE(attributes, index * 128 + 48);
  });
  const header = (mine: number, other: number, entriesAt: number): Buffer => {
    const block = Buffer.alloc(sector);
    block.write('EFI PART');
    block.writeUInt32LE(0x10000, 8);
    block.writeUInt32LE(92, 12);
    [mine, other, 34, last - 33].forEach((value, index) => block.writeBigUInt64LE(BigInt(value), 24 + index * 8));
    block.writeBigUInt64LE(BigInt(entriesAt), 72);
    block.writeUInt32LE(128, 80);
    block.writeUInt32LE(128, 84);
    block.writeUInt32LE(crc32(entries), 88);
    block.writeUInt32LE(crc32(block.subarray(0, 92)), 16);
    return block;
  };
  const backup = last - entries.length / sector;
  return [
    [0, mbr([{ type: 0xee, start: 1, count: Math.min(last, 0xffffffff) }, ...hybrid], code)],
    [sector, header(1, last, 2)],
    [2 * sector, entries],
    [backup * sector, entries],
    [last * sector, header(last, 1, backup)],
  ];
}

function checksum(bytes: Buffer, at: number): void {
  bytes.writeUInt32BE(0, at);
  bytes.writeUInt32BE(~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0, at);
}

export interface VhdOptions {
  size: number;
  type?: number;
  version?: number;
  geometry?: [number, number, number];
}

/** The footer of a VHD, fixed by default. */
export function vhdFooter({ size, type = 2, version = 1, geometry = [65535, 16, 255] }: VhdOptions): Buffer {
  const footer = Buffer.alloc(512);
  footer.write('conectix');
  footer.writeUInt32BE(2, 8);
  footer.writeUInt16BE(version, 12);
  footer.writeBigUInt64BE(type === 2 ? 0xffffffffffffffffn : 512n, 16);
  footer.write('test', 28);
  footer.writeBigUInt64BE(BigInt(size), 40);
  footer.writeBigUInt64BE(BigInt(size), 48);
  footer.writeUInt16BE(geometry[0], 56);
  footer.writeUInt8(geometry[1], 58);
  footer.writeUInt8(geometry[2], 59);
  footer.writeUInt32BE(type, 60);
  checksum(footer, 64);
  return footer;
}

/** The dynamic disk header of a VHD, with its table at offset 1536. */
function vhdHeader(entries: number, block = 2 * MiB): Buffer {
  const header = Buffer.alloc(1024);
  header.write('cxsparse');
  header.writeBigUInt64BE(0xffffffffffffffffn, 8);
  header.writeBigUInt64BE(1536n, 16);
  header.writeUInt32BE(0x10000, 24);
  header.writeUInt32BE(entries, 28);
  header.writeUInt32BE(block, 32);
  checksum(header, 36);
  return header;
}

/** The file of a dynamic VHD without data, footer copies and table included. */
export function dynamicVhd(size: number, entries = Math.ceil(size / (2 * MiB)), block = 2 * MiB): Buffer {
  const footer = vhdFooter({ size, type: 3 });
  const table = Buffer.alloc(Math.ceil((entries * 4) / 512) * 512, 0xff);
  return Buffer.concat([footer, vhdHeader(entries, block), table, footer]);
}

/** The file of an empty QCOW2 of version 3 with 64 KiB clusters: header, refcount table and block, L1 table. */
export function qcow2(size = 40 * GiB, change?: (header: Buffer) => void): Buffer {
  const cluster = 65536;
  const image = Buffer.alloc(4 * cluster);
  image.write('QFI\xfb', 'latin1');
  image.writeUInt32BE(3, 4);
  image.writeUInt32BE(16, 20);
  image.writeBigUInt64BE(BigInt(size), 24);
  image.writeUInt32BE(Math.ceil(size / (cluster * (cluster / 8))), 36);
  image.writeBigUInt64BE(BigInt(3 * cluster), 40);
  image.writeBigUInt64BE(BigInt(cluster), 48);
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(4, 96);
  image.writeUInt32BE(104, 100);
  image.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let used = 0; used < 4; used += 1) image.writeUInt16BE(1, 2 * cluster + used * 2);
  change?.(image);
  return image;
}
