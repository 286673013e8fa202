import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DiskError, type DiskImage, type Format } from '../../../src/disk/disk.ts';
import type { Programs } from '../../../src/disk/unpack/program.ts';
import { openAnyDisk, type Unpacking } from '../../../src/disk/unpack/open.ts';
import { GiB, has, scratch, sh } from '../build.ts';

const find = (name: string) => (has(name) ? sh('/', `command -v ${name}`).trim() : undefined);

export const programs: Programs = {
  xz: find('xz'),
  bzip2: find('bzip2'),
  qemuImg: find('qemu-img'),
  setpriv: find('setpriv'),
};

/** What of the tools a test needs is there. */
export const hasTools = has('gzip', 'xz', 'zstd', 'bzip2', 'tar', 'qemu-img', 'truncate');

export interface Opened extends DiskImage {
  folder: string;
}

/** Opens a file in a workspace, unpacking it where it must; the handle is closed. */
export async function openPacked(
  workspace: string,
  name: string,
  more: Partial<Unpacking> & { claimed?: Format } = {},
): Promise<Opened> {
  const { claimed, ...rest } = more;
  const folder = join(scratch(), 'unpacked');
  const disk = await openAnyDisk(join(workspace, name), claimed, false, {
    folder,
    workspace,
    programs: () => Promise.resolve(programs),
    limit: 2048 * GiB,
    headersOnly: false,
    onProgress: () => undefined,
    ...rest,
  });
  await disk.handle.close();
  return { ...disk, folder };
}

/** The problems of a file that must be refused. */
export async function refused(workspace: string, name: string, more: Partial<Unpacking> & { claimed?: Format } = {}) {
  try {
    await openPacked(workspace, name, more);
  } catch (error) {
    if (error instanceof DiskError) return error.problems.join('\n');
    throw error;
  }
  throw new Error(`${name} was accepted`);
}

export const filesIn = (folder: string): string[] => readdirSync(folder);
