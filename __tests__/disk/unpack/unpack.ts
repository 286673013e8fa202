import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DiskError, type DiskImage } from '../../../src/disk/disk.ts';
import type { Programs } from '../../../src/disk/unpack/program.ts';
import { openAnyDisk, type Opening } from '../../../src/disk/unpack/open.ts';
import { GiB, has, scratch, sh } from '../build.ts';

const find = (name: string) => (has(name) ? sh('/', `command -v ${name}`).trim() : undefined);

export const programs: Programs = {
  xz: find('xz'),
  bzip2: find('bzip2'),
  qemuImg: find('qemu-img'),
  setpriv: find('setpriv'),
};

/** Whether this machine has the tools that the tests need. */
export const hasTools = has('gzip', 'xz', 'zstd', 'bzip2', 'tar', 'qemu-img', 'truncate');

export interface Opened extends DiskImage {
  folder: string;
}

/** Opens a file in a workspace, unpacks it if necessary, and closes the handle. */
export async function openPacked(workspace: string, name: string, more: Partial<Opening> = {}): Promise<Opened> {
  const folder = join(scratch(), 'unpacked');
  const disk = await openAnyDisk(join(workspace, name), {
    claimed: undefined,
    boots: false,
    folder,
    workspace,
    programs: () => Promise.resolve(programs),
    limit: 2048 * GiB,
    headersOnly: false,
    onProgress: () => undefined,
    ...more,
  });
  await disk.handle.close();
  return { ...disk, folder };
}

/** Returns the problems of a file that must be refused. */
export async function refused(workspace: string, name: string, more: Partial<Opening> = {}) {
  try {
    await openPacked(workspace, name, more);
  } catch (error) {
    if (error instanceof DiskError) return error.problems.join('\n');
    throw error;
  }
  throw new Error(`${name} was accepted`);
}

/** Makes files in a folder of their own with a shell script. @returns the folder */
export function made(script: string): string {
  const folder = scratch();
  sh(folder, script);
  return folder;
}

/** Script that makes `disk.raw`: 8 MiB with a partition table. */
export const DISK = `truncate -s 8M disk.raw; printf 'label: dos\\n2048,9000,L,*\\n' | sfdisk -q disk.raw`;

export const filesIn = (folder: string): string[] => readdirSync(folder);
