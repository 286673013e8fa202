import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { shellQuote } from './text.ts';

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
