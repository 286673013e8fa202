import { createHash } from 'node:crypto';

/** Longest image name that ECS takes (https://help.aliyun.com/document_detail/25542.html). */
const LONGEST = 128;
/** Room for a suffix: owner (16), attempt and nonce (8) of a mark, or the id of an image. */
const SUFFIX = 64;

/** What the temporary names of all executions with this owner begin with. */
export const temporaryPrefix = (name: string, owner = ''): string => withSuffix(name, `-importing-${owner}`);
/** What the names of the unencrypted images of all executions with this owner begin with. */
export const plainPrefix = (name: string, owner: string): string => withSuffix(name, `-plain-${owner}`);

/** Where a new image waits for its name. @param mark - `owner.attempt.nonce`, which makes the name unique */
export const temporaryName = (name: string, mark: string): string => withSuffix(name, `-importing-${dashed(mark)}`);
/** The unencrypted image that an encrypted one is copied from. */
export const plainName = (name: string, mark: string): string => withSuffix(name, `-plain-${dashed(mark)}`);

/** Name of an image that was set aside; it ends in the image's own id, so that the name alone identifies it. */
export const asideName = (name: string, imageId: string): string => withSuffix(name, `-replaced-${imageId}`);

const dashed = (mark: string): string => mark.replaceAll('.', '-');

function withSuffix(name: string, suffix: string): string {
  const room = LONGEST - SUFFIX;
  if (name.length <= room) return name + suffix;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, room - 9)}-${hash}${suffix}`;
}
