import { DiskError } from '../disk.ts';
import type { Source } from '../source.ts';
import { listed, shellQuote } from '../text.ts';
import { foreignKind } from '../foreign.ts';
import { isImageName, isOtherName } from '../find.ts';
import { isDisk } from '../inspect.ts';
import type { Member } from './tar.ts';

/** How certainly a member of an archive is the disk, by the same rules as in a directory: 0 is no disk, 2 is certain. */
export type Rank = 0 | 1 | 2;

/** Ranks a member. @param head its first bytes */
export async function rankOf({ name, size }: Member, head: Buffer): Promise<Rank> {
  if (size === 0) return 0;
  if (isImageName(name) || (await isDisk(headSource(head, size)).catch(() => false))) return 2;
  return isOtherName(name) && foreignKind(head) !== undefined ? 1 : 0;
}

/** A source of `size` bytes, of which only the first are known; the rest reads as zero. */
export const headSource = (head: Buffer, size: number): Source => ({
  size,
  read: (offset, length) => {
    const bytes = Buffer.alloc(Math.min(length, 2 ** 24));
    if (offset >= 0 && offset < head.length) head.copy(bytes, 0, offset, offset + length);
    return Promise.resolve(bytes);
  },
});

/** The error for an archive that does not contain exactly one disk. */
export function notOne(found: string[], all: string[]): DiskError {
  const names = (list: string[]) => listed(list.map(shellQuote));
  return new DiskError([
    found.length === 0
      ? `No disk image in the archive, only: ${names(all)}.`
      : `${found.length} disk images in the archive: ${names(found)}. Unpack it and set path to one of them.`,
  ]);
}
