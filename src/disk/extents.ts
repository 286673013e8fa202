import { spawn } from 'node:child_process';
import { sleep } from '../cloud/time.ts';
import type { DiskImage } from './disk.ts';

/** A range of bytes that may contain data. Everything outside of the extents is zero. */
export interface Extent {
  offset: number;
  length: number;
}

// Node has no lseek. The file is standard input, so no name is passed. -I and -S ignore Python modules of the job.
const SCRIPT = `
import errno, os
end = 0
size = os.fstat(0).st_size
while end < size:
    try:
        start = os.lseek(0, end, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            break
        raise
    end = os.lseek(0, start, os.SEEK_HOLE)
    print(start, end - start)
print("end", size)
`;
const OUTPUT_LIMIT = 32 * 1024 ** 2;
const TIME_LIMIT_MS = 60_000;
const PROBES = 64;

/**
 * Returns the ranges of a file that contain data, in order, in bytes. When they are in doubt, one extent covers the file.
 * Python runs only for a sparse file on Linux: APFS gives wrong answers for unsynced files (https://bugs.gnu.org/51857).
 * @param python3 path of a Python 3 interpreter, if the machine has one
 */
export async function dataExtents(
  disk: Pick<DiskImage, 'handle' | 'size' | 'allocated'>,
  python3?: string,
): Promise<Extent[]> {
  const everything = [{ offset: 0, length: disk.size }];
  if (python3 === undefined || process.platform !== 'linux' || disk.allocated >= 0.9 * disk.size) return everything;
  const extents = parse(await output(python3, disk.handle.fd), disk.size);
  const believed =
    extents !== undefined &&
    coverAllocation(disk, extents) &&
    // The upload reports what cannot be read.
    (await holesAreZero(disk, extents).catch(() => false));
  return believed ? extents : everything;
}

/**
 * Whether the extents cover the space that the file system has allocated, less 1 MiB and 1 % for its metadata
 * (st_blocks, https://man7.org/linux/man-pages/man3/stat.3type.html).
 */
function coverAllocation({ allocated }: Pick<DiskImage, 'allocated'>, extents: Extent[]): boolean {
  const covered = extents.reduce((sum, { length }) => sum + length, 0);
  return covered >= 0.99 * allocated - 1024 ** 2;
}

/**
 * Returns the output of the script for the file behind `fd`; empty on any failure and after the time limit. The limit does
 * not wait for the process: its own child can keep its output open, and a read that hangs in the kernel survives SIGKILL.
 */
function output(python3: string, fd: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(python3, ['-I', '-S', '-c', SCRIPT], {
      stdio: [fd, 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin', LANG: 'C' },
      cwd: '/',
    });
    let text = '';
    const ended = new AbortController();
    const give = (answer: string) => {
      ended.abort();
      child.kill('SIGKILL');
      child.unref();
      child.stdout?.destroy();
      resolve(answer);
    };
    const fail = () => {
      give('');
    };
    sleep(TIME_LIMIT_MS, ended.signal).then(fail, () => undefined);
    child.stdout?.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > OUTPUT_LIMIT) fail();
    });
    child.on('error', fail);
    child.on('exit', (code) => {
      if (code !== 0) fail();
    });
    child.on('close', () => {
      give(text);
    });
  });
}

/** Parses the output of the script. Undefined unless the extents are complete, in order and inside the file. */
function parse(text: string, size: number): Extent[] | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== `end ${size}`) return undefined;
  const extents: Extent[] = [];
  let end = 0;
  for (const line of lines) {
    const [offset = NaN, length = NaN] = /^\d+ \d+$/.test(line) ? line.split(' ').map(Number) : [];
    if (!(offset >= end && length > 0 && offset + length <= size)) return undefined;
    extents.push({ offset, length });
    end = offset + length;
  }
  return extents;
}

/** Checks both ends of some holes, because file systems have reported wrong holes (OpenZFS issue 15526). */
async function holesAreZero(disk: Pick<DiskImage, 'handle' | 'size'>, extents: Extent[]): Promise<boolean> {
  const ends = [0, ...extents.map(({ offset, length }) => offset + length)];
  const starts = [...extents.map(({ offset }) => offset), disk.size];
  const step = Math.ceil(ends.length / PROBES);
  const buffer = Buffer.alloc(4096);
  for (let index = 0; index < ends.length; index += step) {
    const from = ends[index] ?? 0;
    const until = starts[index] ?? 0;
    const length = Math.min(buffer.length, until - from);
    for (const at of [from, until - length]) {
      const { bytesRead } = await disk.handle.read(buffer, 0, length, at);
      if (bytesRead !== length || buffer.subarray(0, length).some((byte) => byte !== 0)) return false;
    }
  }
  return true;
}
