import type { Advice } from './entry.ts';

/** The disk image file. */
export const FILE: Advice[] = [
  {
    codes: ['FileChanged'],
    cause: 'The file changed while it was being read.',
    fix: 'Start the import after the step that writes the file has finished.',
  },
  {
    codes: ['InvalidImageSize', 'InvalidDataDiskSize'],
    cause: 'The disk size does not match the image.',
    fix: 'Set image_system_size to at least the size of the disk inside the file, in GiB.',
  },
  {
    codes: ['InvalidImageFormat.Malformed', 'ImportImageFailed', 'InvalidFormat.Malformed'],
    cause: 'ECS cannot read the file as an image.',
    fix: 'Check format, and run qemu-img check on the file.',
  },
  {
    codes: ['InvalidImageFormat.RegionNotSupported'],
    cause: 'ECS does not accept this format in this region.',
    fix: 'Convert the file with qemu-img convert -O raw.',
  },
  {
    codes: ['InvalidVHDImage.IncorrectSize', 'InvalidBlockSize.NotSupport'],
    cause: 'The header of the VHD does not match its size.',
    fix: 'Convert it again with qemu-img convert -O vpc -o subformat=dynamic,force_size.',
  },
  {
    codes: ['FileUnreadable'],
    cause: 'The file could not be read to the end.',
    fix: 'Check the disk of the runner and the permissions of the file.',
  },
];
