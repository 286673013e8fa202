import { DiskError, oneLine, shellQuote, type Source } from '../disk.ts';
import { foreignKind } from '../foreign.ts';
import { isImageName, isOtherName } from '../find.ts';
import { isDisk } from '../inspect.ts';
import type { Member } from './tar.ts';

/** How sure it is that a member of an archive is the disk, by the rules of `path` for a directory: 0 is not, 2 is sure. */
export type Rank = 0 | 1 | 2;

/** @param head the first bytes of the member */
export async function rankOf({ name, size }: Member, head: Buffer): Promise<Rank> {
  if (size === 0) return 0;
  if (isImageName(name) || (await isDisk(headSource(head, size)).catch(() => false))) return 2;
  return isOtherName(name) && foreignKind(head) !== undefined ? 1 : 0;
}

/** The first bytes of something as all that is known of it. */
export const headSource = (head: Buffer, size: number): Source => ({
  size,
  read: (offset, length) => {
    const bytes = Buffer.alloc(Math.min(length, 2 ** 24));
    if (offset >= 0 && offset < head.length) head.copy(bytes, 0, offset, offset + length);
    return Promise.resolve(bytes);
  },
});

/** The one error of an archive that does not hold one disk. */
export function notOne(found: string[], all: string[]): DiskError {
  const names = (list: string[]) => {
    const shown = list.slice(0, 10).map((name) => shellQuote(oneLine(name)));
    return shown.join(', ') + (list.length > 10 ? ` and ${list.length - 10} more` : '');
  };
  return new DiskError([
    found.length === 0
      ? `No disk image in the archive, only: ${names(all) || 'nothing'}.`
      : `${found.length} disk images in the archive, one is needed: ${names(found)}. Unpack it and name one of them.`,
  ]);
}
