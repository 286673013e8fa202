import type { Log } from '../cloud/log.ts';
import { now } from '../cloud/time.ts';
import { DiskError, givenName, type DiskImage } from '../disk/disk.ts';
import { bytes } from '../disk/text.ts';
import { findDisk } from '../disk/find.ts';
import { openAnyDisk } from '../disk/unpack/open.ts';
import { findPrograms } from './content.ts';
import type { ImportRequest } from './request.ts';

/** Bytes of the largest disk that ECS imports. */
const LARGEST = 2048 * 1024 ** 3;
/** Time between two progress lines, in ms. */
const PACE = 12_000;

/** Opens the files that `path` and `data_disk_paths` name. The caller removes the folder, which gets unpacked disks. */
export async function openDisks(request: ImportRequest, folder: string, log: Log) {
  const disks: DiskImage[] = [];
  const problems: string[] = [];
  let programs: ReturnType<typeof findPrograms> | undefined;
  for (const [n, path] of [request.path, ...request.dataDisks].entries()) {
    if (path === '') continue;
    try {
      const found = await findDisk(path, request.workflow.workspace);
      const opening = {
        folder,
        workspace: request.workflow.workspace,
        programs: () => (programs ??= findPrograms()),
        limit: LARGEST,
        headersOnly: request.dryRun,
        onProgress: sayProgress(found, log),
        claimed: n === 0 ? request.format : undefined,
        boots: n === 0,
      };
      disks.push(await openAnyDisk(found, opening));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      problems.push(...error.problems);
    }
  }
  return { disks, problems: [...problems, ...impossible(request, disks)] };
}

/** Logs the progress of unpacking a file. */
function sayProgress(path: string, log: Log): (what: string, share: number) => void {
  let spoke: number | undefined;
  return (what, share) => {
    if (spoke === undefined) log.info(`${path} cannot be imported as it is, so it is ${what} first.`);
    else if (now() - spoke < PACE) return;
    else log.info(`${path}: ${Math.floor(share * 100)}% ${what}.`);
    spoke = now();
  };
}

/** Problems of the disks in combination with the inputs. */
function impossible({ image, dataDisks, distribution }: ImportRequest, disks: DiskImage[]): string[] {
  const problems: string[] = [];
  const [system] = disks;
  const needed = Math.ceil((system?.virtualSize ?? 0) / 1024 ** 3);
  if (image.systemSize !== undefined && image.systemSize < needed) {
    problems.push(`image_system_size is ${image.systemSize} GiB, but the disk in the file needs ${needed} GiB.`);
  }
  if (dataDisks.length > 16) problems.push('data_disk_paths has more than 16 disks, which is the maximum of ECS.');
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
