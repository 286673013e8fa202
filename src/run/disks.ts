import type { Log } from '../cloud/log.ts';
import { now } from '../cloud/time.ts';
import { bytes, DiskError, givenName, type DiskImage } from '../disk/disk.ts';
import { findDisk } from '../disk/find.ts';
import { openAnyDisk } from '../disk/unpack/open.ts';
import { findPrograms } from './content.ts';
import type { ImportRequest } from './request.ts';

/** The opened disks, and everything that is wrong with them, one line each. */
export interface OpenedDisks {
  disks: DiskImage[];
  problems: string[];
}

/** ECS takes no larger disk, in bytes. */
const LARGEST = 2048 * 1024 ** 3;
/** Time between two lines, in ms. */
const PACE = 12_000;

/**
 * Opens the files that `path` and `data_disk_paths` name.
 * @param folder where packed and foreign disks are unpacked; whoever calls removes it
 */
export async function openDisks(request: ImportRequest, folder: string, log: Log): Promise<OpenedDisks> {
  const disks: DiskImage[] = [];
  const problems: string[] = [];
  for (const [n, path] of [request.path, ...request.dataDisks].entries()) {
    if (path === '') continue;
    try {
      const found = await findDisk(path, request.workflow.workspace);
      const unpacking = {
        folder,
        workspace: request.workflow.workspace,
        programs: findPrograms,
        limit: LARGEST,
        headersOnly: request.dryRun,
        onProgress: sayProgress(found, log),
      };
      disks.push(await openAnyDisk(found, n === 0 ? request.format : undefined, n === 0, unpacking));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      problems.push(...error.problems);
    }
  }
  return { disks, problems: [...problems, ...impossible(request, disks)] };
}

/** Says now and then how far a file is unpacked. */
function sayProgress(path: string, log: Log): (what: string, share: number) => void {
  let spoke: number | undefined;
  return (what, share) => {
    if (spoke === undefined) log.info(`${path} is not what ECS takes: it is ${what} here.`);
    else if (now() - spoke < PACE) return;
    else log.info(`${path}: ${Math.floor(share * 100)}% ${what}.`);
    spoke = now();
  };
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
  for (const disk of disks) {
    if (disk.virtualSize > LARGEST)
      problems.push(`${givenName(disk)}: a disk of ${bytes(disk.virtualSize)}; ECS takes at most 2048 GiB.`);
  }
  const isCopied = distribution.copies.length > 0 || distribution.encrypted;
  if (isCopied && disks.some(({ format }) => format === 'VHD')) {
    problems.push(
      'ECS cannot copy or encrypt an image made from a VHD: convert the file with qemu-img convert -O qcow2.',
    );
  }
  return problems;
}
