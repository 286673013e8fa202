import { bytes, DiskError, type DiskImage } from '../disk/disk.ts';
import { findDisk } from '../disk/find.ts';
import { openDisk } from '../disk/inspect.ts';
import type { ImportRequest } from './request.ts';

/** The opened disks, and everything that is wrong with them, one line each. */
export interface OpenedDisks {
  disks: DiskImage[];
  problems: string[];
}

/** Opens the files that `path` and `data_disk_paths` name. */
export async function openDisks(request: ImportRequest): Promise<OpenedDisks> {
  const disks: DiskImage[] = [];
  const problems: string[] = [];
  for (const [n, path] of [request.path, ...request.dataDisks].entries()) {
    if (path === '') continue;
    try {
      const found = await findDisk(path, request.workflow.workspace);
      disks.push(await openDisk(found, n === 0 ? request.format : undefined, n === 0));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      problems.push(...error.problems);
    }
  }
  return { disks, problems: [...problems, ...impossible(request, disks)] };
}

/** What the disks and the request together make impossible. */
function impossible({ image, dataDisks, distribution }: ImportRequest, disks: DiskImage[]): string[] {
  const problems: string[] = [];
  const [system] = disks;
  const needed = Math.ceil((system?.virtualSize ?? 0) / 1024 ** 3);
  if (image.systemSize !== undefined && image.systemSize < needed) {
    problems.push(
      `image_system_size ${image.systemSize} GiB is less than the disk inside the file: it needs ${needed} GiB.`,
    );
  }
  if (dataDisks.length > 16)
    problems.push('data_disk_paths names more than 16 disks, which is the most that ECS takes.');
  for (const { path, virtualSize } of disks) {
    if (virtualSize > 2048 * 1024 ** 3)
      problems.push(`${path}: a disk of ${bytes(virtualSize)}; ECS takes at most 2048 GiB.`);
  }
  const isCopied = distribution.copies.length > 0 || distribution.encrypted;
  if (isCopied && disks.some(({ format }) => format === 'VHD')) {
    problems.push(
      'ECS cannot copy or encrypt an image made from a VHD: convert the file with qemu-img convert -O qcow2.',
    );
  }
  return problems;
}
