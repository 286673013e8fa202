import { writeFile } from 'node:fs/promises';
import { DiskError, Findings, type ConvertedFormat, type DiskImage } from '../disk.ts';
import { u64be, type Source } from '../source.ts';
import { AGAIN, oneLine, shellQuote } from '../text.ts';
import { foreignKind } from '../foreign.ts';
import { withFile } from '../inspect.ts';
import { inspectQcow2, isQcow2 } from '../qcow2.ts';
import { inspectVhd, isVhd } from '../vhd.ts';
import { namedFile, qcow2Names, vmdkExtents, type Around } from './named.ts';

interface File {
  driver: 'file';
  filename: string;
}

/** A disk as qemu-img gets it: with driver and all files, so that no header chooses them. */
interface Driver {
  driver: DriverName;
  file: File;
  'data-file'?: File;
  backing: Driver | null;
}
type DriverName = ConvertedFormat | 'raw' | 'vpc';

/** A file with data of the disk: up to which byte of the disk, and the size of the file in bytes. */
export interface Held {
  until: number;
  size: number;
}

const CHAIN_LIMIT = 16;

/** The files of one disk. This class inspects each, and qemu-img opens exactly these. */
export class Chain {
  /** The files as they were when they were inspected. */
  readonly files: Pick<DiskImage, 'path' | 'identity'>[] = [];
  /** The files with the data of each layer: the disk itself, then its backing files. Empty when the inspection found it complete. */
  readonly layers: Held[][] = [];
  /** Bytes of the disk, if they are known without qemu-img. */
  size: number | undefined;
  readonly #around: Around;
  readonly #descriptor: string | undefined;

  /** @param descriptor where a descriptor of a VMDK disk may be written */
  constructor(around: Around, descriptor: string | undefined) {
    this.#around = around;
    this.#descriptor = descriptor;
  }

  /** Adds a disk and its backing files. @param path a real path */
  async layer(kind: DriverName, path: string): Promise<Driver> {
    const held: Held[] = [];
    if (this.layers.push(held) > CHAIN_LIMIT)
      throw new DiskError([`${shellQuote(path)}: the disk has more than ${CHAIN_LIMIT} backing files.`]);
    // Without this null, qemu-img would open the backing file that the header names.
    const driver: Driver = { driver: kind, file: { driver: 'file', filename: path }, backing: null };
    if (kind === 'vmdk') driver.file.filename = await this.#vmdk(path, held);
    else if (kind === 'vdi' || kind === 'vhdx')
      held.push({ until: Infinity, size: await this.#look(path, sizeOfFile) });
    else if (kind === 'vpc') await this.#inspect(path, inspectVhd);
    else if (kind === 'qcow2') await this.#qcow2(path, held, driver);
    else await this.#look(path, sizeOfFile);
    return driver;
  }

  async #qcow2(path: string, held: Held[], driver: Driver): Promise<void> {
    await this.#inspect(path, inspectQcow2);
    const { backing, backingFormat, data } = await this.#look(path, qcow2Names);
    // qemu-img info refuses a disk with an explicit backing file.
    this.size ??= await this.#look(path, async (file) => u64be(await file.read(24, 8), 0));
    if (data !== undefined) {
      const filename = await namedFile(data, path, this.#around);
      driver['data-file'] = { driver: 'file', filename };
      held.push({ until: Infinity, size: await this.#look(filename, sizeOfFile) });
    }
    if (backing === undefined) return;
    const next = await namedFile(backing, path, this.#around);
    // Its content decides only if the header gives no format: a guest can write any header to its raw disk.
    const kind = backingFormat ?? (await this.#look(next, formatOf));
    if (kind !== 'qcow2' && kind !== 'vpc' && kind !== 'raw')
      throw new DiskError([`${shellQuote(next)}: a backing file in this format (${oneLine(kind)}) is not supported.`]);
    driver.backing = await this.layer(kind, next);
  }

  /** Returns the file for qemu-img: the disk, or a new descriptor with real paths if the disk has extents. */
  async #vmdk(path: string, held: Held[]): Promise<string> {
    const extents = await this.#look(path, (file) => vmdkExtents(file, path));
    if (extents === undefined) {
      held.push({ until: Infinity, size: await this.#look(path, sizeOfFile) });
      return path;
    }
    const lines = ['# Disk DescriptorFile', 'CID=fffffffe', 'parentCID=ffffffff', 'createType="monolithicFlat"'];
    let until = 0;
    for (const { size, type, name, offset } of extents) {
      until += size;
      const line = `RW ${size / 512} ${type}`;
      if (name === undefined) {
        held.push({ until, size: 0 });
        lines.push(line);
        continue;
      }
      const real = await namedFile(name, path, this.#around);
      if (/["\n\r]/.test(real) || real.length > 500)
        throw new DiskError([`${shellQuote(real)}: qemu-img cannot open an extent under this path. Rename it.`]);
      const isFlat = /^(FLAT|VMFS)$/.test(type);
      if (!isFlat && (await this.#look(real, (file) => namesFiles(file, real))))
        throw new DiskError([`${shellQuote(real)}: this extent names further files.`]);
      held.push({ until, size: await this.#look(real, sizeOfFile) });
      lines.push(type === 'FLAT' ? `${line} "${real}" ${offset / 512}` : `${line} "${real}"`);
    }
    this.size = until;
    if (until === 0) throw new DiskError([`${shellQuote(path)}: the VMDK descriptor has no extents. ${AGAIN}`]);
    if (this.#descriptor !== undefined) await writeFile(this.#descriptor, lines.join('\n'), { mode: 0o600 });
    return this.#descriptor ?? path;
  }

  async #inspect(path: string, inspect: typeof inspectVhd): Promise<void> {
    const findings = new Findings(path);
    await this.#look(path, (file) => inspect(file, findings));
    if (findings.problems.length > 0 && findings.packed === undefined) throw findings.error();
  }

  #look<T>(path: string, read: (file: Source) => T | Promise<T>): Promise<T> {
    return withFile(path, (file, identity) => {
      this.files.push({ path, identity });
      return read(file);
    });
  }
}

const namesFiles = async (file: Source, path: string): Promise<boolean> =>
  foreignKind(await file.read(0, 512))?.packed === 'vmdk' && (await vmdkExtents(file, path)) !== undefined;

const sizeOfFile = ({ size }: Source) => size;

async function formatOf(file: Source): Promise<string> {
  if (await isQcow2(file)) return 'qcow2';
  if (await isVhd(file)) return 'vpc';
  return foreignKind(await file.read(0, 512))?.is ?? 'raw';
}
