import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** The formats that ImportImage takes, in its own spelling (DiskDeviceMapping.N.Format). */
export type Format = 'RAW' | 'VHD' | 'QCOW2';

/** What makes a file on this machine the same, unchanged file. */
type FileIdentity = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

/** A disk image that was opened once and judged importable. All sizes are bytes. */
export interface DiskImage {
  path: string;
  /** The one descriptor: inspection and upload read through it, its owner closes it. */
  handle: FileHandle;
  /** Bytes of the file. */
  size: number;
  format: Format;
  /** Bytes of the disk inside the file. */
  virtualSize: number;
  /** Bytes that the file takes on this machine's disk; less than `size` for a sparse file. */
  allocated: number;
  /** Set only when firmware must be UEFI: an EFI system partition and no way to boot by BIOS. */
  bootMode: 'UEFI' | undefined;
  /** One line each: things that will probably bite later, without being an error now. */
  warnings: string[];
  identity: FileIdentity;
  /** The file that was given, where `path` is what the runner made of it. */
  container?: Container;
  /** Set in a dry run where only the headers of the container were read: `handle` is the container. */
  headersOnly?: true;
}

/** The file that was given, for people. */
export const givenName = ({ path, container }: DiskImage): string => container?.path ?? path;

/** What is uploaded, for people. */
export const contentName = ({ path, container }: DiskImage): string =>
  container === undefined ? path : `the disk in ${container.path}`;

/** A packed or foreign file. */
export interface Container {
  path: string;
  /** For people: "a tar archive, compressed with gzip". */
  kind: string;
  /** Bytes. */
  size: number;
  identity: FileIdentity;
}

/** Every problem of a file at once, one line each, ending with what to run against it. */
export class DiskError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(problems.join('\n'));
    this.name = 'DiskError';
    this.problems = problems;
  }
}

/** What the runner can unpack or convert; QCOW2 where it uses what ECS does not read. */
export type Packed = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'tar' | ConvertedFormat;
export type ConvertedFormat = 'vmdk' | 'vdi' | 'vhdx' | 'qcow2';

/** A file that ECS does not take, and that becomes one by unpacking or converting it. */
export class PackedDisk extends DiskError {
  readonly packed: Packed;

  constructor(problems: string[], packed: Packed) {
    super(problems);
    this.packed = packed;
  }
}

/** Random access to bytes: a file, or the disk inside it. Beyond `size` (bytes) everything reads as zero. */
export interface Source {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** What a format's header says: bytes of the disk inside, and a reader of it when the header can be trusted. */
export interface Inside {
  virtualSize: number;
  guest?: Source;
}

/** Collects what is wrong with one file, each as one line that begins with its name. */
export class Findings {
  readonly path: string;
  readonly quoted: string;
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  /** What the file is, where all its problems are that it is that. */
  packed: Packed | undefined;

  constructor(path: string) {
    this.path = path;
    this.quoted = shellQuote(path);
  }

  problem(text: string): void {
    this.problems.push(`${this.quoted}: ${text}`);
    this.packed = undefined;
  }

  /** A problem that converting the QCOW2 image solves. */
  convertible(text: string): void {
    const isOnly = this.problems.length === 0 || this.packed !== undefined;
    this.problem(text);
    if (isOnly) this.packed = 'qcow2';
  }

  /** The problems as the error to throw. */
  error(): DiskError {
    return this.packed === undefined ? new DiskError(this.problems) : new PackedDisk(this.problems, this.packed);
  }

  warn(text: string): void {
    this.warnings.push(`${this.quoted}: ${text}`);
  }
}

/** The only repair where data is missing or nonsense. */
export const AGAIN = 'Build, copy or download it again.';

const READ_LIMIT = 16 * 1024 ** 2;

/**
 * Reads `size` bytes of `handle` at will, 16 MiB in all: no header, however hostile, makes inspection read a whole disk.
 * Throws DiskError when the limit is used up.
 */
export function boundedSource(handle: FileHandle, size: number): Source {
  let left = READ_LIMIT;
  return {
    size,
    async read(offset, length) {
      left -= length;
      if (left < 0) throw new DiskError(['The headers of this file are spread over more than 16 MiB: it is damaged.']);
      const buffer = Buffer.alloc(length);
      if (offset < 0 || offset >= size) return buffer;
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(buffer, done, length - done, offset + done).catch((cause: unknown) => {
          throw new DiskError([`Reading the file failed: ${oneLine(String(cause))}`]);
        });
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer;
    },
  };
}

/** A disk whose blocks lie apart in a file. `piece` reads inside one block, undefined for zeros. All in bytes. */
export function blockwise(
  size: number,
  block: number,
  piece: (offset: number, length: number) => Promise<Buffer | undefined>,
): Source {
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const whole = Buffer.alloc(length);
    for (let done = 0; done < length && offset + done < size;) {
      const part = Math.min(length - done, block - ((offset + done) % block));
      (await piece(offset + done, part))?.copy(whole, done);
      done += part;
    }
    return whole;
  };
  return { size, read };
}

/** A big-endian 64-bit number, or Infinity where it exceeds what a double holds, so that every range check fails. */
export function u64be(buffer: Buffer, at: number): number {
  return safe(buffer.readBigUInt64BE(at));
}

/** Like `u64be`, little-endian. */
export function u64le(buffer: Buffer, at: number): number {
  return safe(buffer.readBigUInt64LE(at));
}

function safe(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
}

// Control and format characters (bidirectional overrides among them), line and paragraph separators, lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Foreign text as one printable line of at most 200 characters. */
export function oneLine(text: string): string {
  const line = text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

/** A file name as one printable word of a bash command line, whatever it holds. */
export function shellQuote(path: string): string {
  const name = path.startsWith('-') ? `./${path}` : path;
  if (/^[\w@%+=,./-]+$/.test(name)) return name;
  if (name.search(UNPRINTABLE) < 0) return `'${name.replaceAll("'", String.raw`'\''`)}'`;
  const bytes = (c: string) => [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return `$'${name.replace(/[\\']/g, String.raw`\$&`).replace(UNPRINTABLE, bytes)}'`;
}

/** Bytes for a person: exact, with a rounded unit behind from 1 MiB on. Infinity is what `u64be` made of nonsense. */
export function bytes(count: number): string {
  if (count === Infinity) return 'more than 8 PiB';
  if (count < 1024 ** 2) return `${count} bytes`;
  const rounded = count < 1024 ** 3 ? `${(count / 1024 ** 2).toFixed(1)} MiB` : `${(count / 1024 ** 3).toFixed(1)} GiB`;
  return `${count} bytes (${rounded})`;
}
