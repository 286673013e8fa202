import type { Advice } from './entry.ts';

/** The disk image file. */
export const FILE: Advice[] = [
  {
    codes: ['FileChanged'],
    cause: 'The file was written to while it was read.',
    fix: 'Run the import after the step that writes the file has ended.',
  },
  {
    codes: ['InvalidImageSize', 'InvalidDataDiskSize'],
    cause: 'The disk size does not fit the image.',
    fix: 'Set image_system_size to at least the size of the disk inside the file, in GiB.',
  },
  {
    codes: ['InvalidImageFormat.Malformed', 'ImportImageFailed', 'InvalidFormat.Malformed'],
    cause: 'ECS cannot read the file as an image.',
    fix: 'Check format, and the file with: qemu-img check',
  },
  {
    codes: ['InvalidImageFormat.RegionNotSupported'],
    cause: 'ECS does not take this format in this region.',
    fix: 'Convert the file: qemu-img convert -O raw',
  },
  {
    codes: ['InvalidVHDImage.IncorrectSize', 'InvalidBlockSize.NotSupport'],
    cause: 'The header of the VHD does not fit its size.',
    fix: 'Convert it again: qemu-img convert -O vpc -o subformat=dynamic,force_size',
  },
  {
    codes: ['FileUnreadable'],
    cause: 'The file could not be read to its end.',
    fix: 'Check the disk of the runner and the rights on the file.',
  },
];
