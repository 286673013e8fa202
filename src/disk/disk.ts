import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** The formats that ImportImage takes, in its own spelling (DiskDeviceMapping.N.Format). */
export type Format = 'RAW' | 'VHD' | 'QCOW2';

/** Facts that change when a file is replaced or written to. */
type FileIdentity = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

/** An open disk image that ECS can import. All sizes are bytes. */
export interface DiskImage {
  path: string;
  /** Inspection and upload read through this descriptor. Its owner closes it. */
  handle: FileHandle;
  /** Size of the file. */
  size: number;
  format: Format;
  /** Size of the disk inside the file. */
  virtualSize: number;
  /** Space that the file occupies on this machine; less than `size` for a sparse file. */
  allocated: number;
  /** Set only when the disk has an EFI system partition and cannot boot by BIOS. */
  bootMode: 'UEFI' | undefined;
  /** Problems that may show up later, one line each. */
  warnings: string[];
  identity: FileIdentity;
  /** The original file, when `path` is a file that was unpacked from it. */
  container?: Container;
  /** Set in a dry run, which reads only the headers of the container; `handle` is then the container. */
  headersOnly?: true;
}

/** The path of the original file, for messages. */
export const givenName = ({ path, container }: DiskImage): string => container?.path ?? path;

/** What is uploaded, for messages. */
export const contentName = ({ path, container }: DiskImage): string =>
  container === undefined ? path : `the disk in ${container.path}`;

/** A packed or foreign file. */
export interface Container {
  path: string;
  /** For messages: "compressed with gzip, in it a tar archive". */
  kind: string;
  /** Bytes. */
  size: number;
  identity: FileIdentity;
}

/** All problems of a file, one line each, with the command that fixes them where there is one. */
export class DiskError extends Error {
  readonly problems: string[];
  /** What the file is, when unpacking or converting it may solve all its problems. */
  readonly packed: Packed | undefined;

  constructor(problems: string[], packed?: Packed) {
    super(problems.join('\n'));
    this.name = 'DiskError';
    this.problems = problems;
    this.packed = packed;
  }
}

/** What the runner can unpack or convert. QCOW2 is one of them when it uses features that ECS cannot read. */
export type Packed = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'tar' | ConvertedFormat;
export type ConvertedFormat = 'vmdk' | 'vdi' | 'vhdx' | 'qcow2';

/** Random access to a file or to the disk inside it. Bytes beyond `size` read as zero. */
export interface Source {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** The disk inside a file: its size in bytes, and its content when the headers make sense. */
export interface Inside {
  virtualSize: number;
  guest?: Source;
}

/** Collects the problems of one file, each as one line that begins with the name of the file. */
export class Findings {
  readonly path: string;
  readonly quoted: string;
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
  /** What the file is, when unpacking or converting it solves all its problems. */
  packed: Packed | undefined;

  constructor(path: string) {
    this.path = path;
    this.quoted = shellQuote(path);
  }

  /** @param packed what the file is, when unpacking or converting it solves the problem */
  problem(text: string, packed?: Packed): void {
    const isSolved = this.problems.length === 0 || this.packed !== undefined;
    this.packed = isSolved ? packed : undefined;
    this.problems.push(`${this.quoted}: ${text}`);
  }

  /** The problems as the error to throw. */
  error(): DiskError {
    return new DiskError(this.problems, this.packed);
  }

  warn(text: string): void {
    this.warnings.push(`${this.quoted}: ${text}`);
  }
}

/** The only advice when data is missing or damaged. */
export const AGAIN = 'Build, copy or download it again.';

const LISTED = 10;
const READ_LIMIT = 16 * 1024 ** 2;

/**
 * Reads from a file of `size` bytes, at most 16 MiB in total, so that no hostile header makes inspection read a whole disk.
 * Reads throw DiskError beyond that limit and when the file cannot be read.
 */
export function boundedSource(handle: FileHandle, size: number): Source {
  let left = READ_LIMIT;
  return {
    size,
    async read(offset, length) {
      left -= length;
      if (left < 0) throw new DiskError(['The file is damaged: its headers take more than 16 MiB.']);
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

/** A disk whose blocks are scattered in a file. `piece` reads within one block and returns undefined for zeros. */
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

/** A big-endian 64-bit number; Infinity when a double cannot hold it, so that every range check fails. */
export const u64be = (buffer: Buffer, at: number): number => safe(buffer.readBigUInt64BE(at));

/** Like `u64be`, little-endian. */
export const u64le = (buffer: Buffer, at: number): number => safe(buffer.readBigUInt64LE(at));

const safe = (value: bigint): number => (value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value));

// Control and format characters, including bidirectional overrides, line and paragraph separators, and lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Untrusted text as one printable line. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);

/** Untrusted text as one printable line of about 200 characters at most. */
export function oneLine(text: string): string {
  const line = printable(text);
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

/** At most ten names, for messages. */
export function listed(names: string[]): string {
  const shown = names.slice(0, LISTED).map(oneLine).join(', ') || 'nothing';
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}

/** Any file name as one printable word of a bash command line. */
export function shellQuote(path: string): string {
  const name = path.startsWith('-') ? `./${path}` : path;
  if (/^[\w@%+=,./-]+$/.test(name)) return name;
  if (name.search(UNPRINTABLE) < 0) return `'${name.replaceAll("'", String.raw`'\''`)}'`;
  const bytes = (c: string) => [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return `$'${name.replace(/[\\']/g, String.raw`\$&`).replace(UNPRINTABLE, bytes)}'`;
}

/** A number of bytes for messages: exact, and from 1 MiB on also rounded. Infinity comes from `u64be`. */
export function bytes(count: number): string {
  if (count === Infinity) return 'more than 8 PiB';
  return count < 1024 ** 2 ? `${count} bytes` : `${count} bytes (${rounded(count)})`;
}

/** A number of bytes in MiB or GiB. */
export const rounded = (count: number): string =>
  count < 1024 ** 3 ? `${(count / 1024 ** 2).toFixed(1)} MiB` : `${(count / 1024 ** 3).toFixed(1)} GiB`;
