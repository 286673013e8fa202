import { createHash } from 'node:crypto';
import { which } from '@actions/io';
import type { DiskImage } from '../disk/disk.ts';
import { dataExtents } from '../disk/extents.ts';
import type { Programs } from '../disk/unpack/program.ts';
import { assertUnchanged } from '../disk/inspect.ts';
import type { Source } from '../oss/reader.ts';
import { fileSum } from '../oss/sum.ts';
import type { ImportRequest } from './request.ts';
import type { Target } from './targets.ts';

const find = async (name: string): Promise<string | undefined> => (await which(name)) || undefined;

/** The programs on this machine that unpack and convert disks. */
export const findPrograms = async (): Promise<Programs> => ({
  xz: await find('xz'),
  bzip2: await find('bzip2'),
  qemuImg: await find('qemu-img'),
  setpriv: await find('setpriv'),
});

/** A disk as the upload reads it. */
export async function sourceOf(disk: DiskImage): Promise<Source> {
  const extents = await dataExtents(disk, await find('python3'));
  return { handle: disk.handle, size: disk.size, extents, assertUnchanged: () => assertUnchanged(disk) };
}

/** CRC-64/XZ of each disk, read from the files. @throws CloudError */
export async function sumsOf(disks: DiskImage[]): Promise<string[]> {
  const sums: string[] = [];
  for (const disk of disks) sums.push(await fileSum(await sourceOf(disk)));
  return sums;
}

/** The boot mode of the image (undefined: the default of ECS), and the reason for it. */
function wantedBootMode({ image }: ImportRequest, disks: DiskImage[]) {
  if (image.bootMode !== undefined) return { mode: image.bootMode, from: 'boot_mode' };
  if (image.architecture === 'arm64') return { mode: 'UEFI', from: 'arm64' };
  const mode = disks[0]?.bootMode;
  return { mode, from: mode === undefined ? 'default of ECS' : 'from the partition table' };
}

/** Boot mode for ImportImage, which does not accept UEFI-Preferred; that is set on the finished image. */
export function bootModeOf(request: ImportRequest, disks: DiskImage[]): string | undefined {
  const { mode } = wantedBootMode(request, disks);
  return mode === 'UEFI-Preferred' ? 'UEFI' : mode;
}

/** The boot mode and the reason for it, for log and summary. */
export function bootModeText(request: ImportRequest, disks: DiskImage[]): string {
  const { mode = 'BIOS', from } = wantedBootMode(request, disks);
  return `${mode} (${from})`;
}

/** License type for ImportImage: Windows needs one. */
export const licenseOf = ({ image }: ImportRequest): string | undefined =>
  image.licenseType ?? (image.osType === 'windows' ? 'Aliyun' : undefined);

/**
 * Hash of everything that shapes an image: the bytes of all disks and the parameters. Images with the same hash are
 * interchangeable.
 * @param sums - CRC-64 of each disk
 */
export function contentOf(request: ImportRequest, disks: DiskImage[], sums: string[], target: Target): string {
  const { osType, platform, architecture, systemSize, bootMode, nvme, imds } = request.image;
  const shape = {
    disks: disks.map(({ format, size }, n) => [format, size, sums[n]]),
    system: [osType, platform, architecture, systemSize, bootModeOf(request, disks), bootMode === 'UEFI-Preferred'],
    features: [licenseOf(request), nvme, imds],
    encryption: target.encrypted ? (target.kmsKeyId ?? 'default') : 'none',
  };
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 32);
}
