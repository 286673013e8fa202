import { createHash } from 'node:crypto';
import { MARK_TAG, type Image } from './images.ts';

/** Longest image name that ECS accepts (https://help.aliyun.com/document_detail/25542.html). */
const LONGEST = 128;
/** Room for a suffix: owner (16), attempt and nonce (8) of a mark, or an image id. */
const SUFFIX = 64;

/** Name of a new image until it can take the final name. @param mark - `owner.attempt.nonce`, makes the name unique */
export const temporaryName = (name: string, mark: string): string => withSuffix(name, `-importing-${dashed(mark)}`);
/** Name of the unencrypted image that an encrypted one is copied from. */
export const plainName = (name: string, mark: string): string => withSuffix(name, `-plain-${dashed(mark)}`);
/** Name of a replaced image. It ends in the image's own id, so the name alone identifies it. */
export const asideName = (name: string, imageId: string): string => withSuffix(name, `-replaced-${imageId}`);

/**
 * Whether an image has the temporary name that its own mark gives. A prefix is not enough: `web-importing-2` may be the
 * final name of another image.
 */
export const isTemporary = ({ name, tags }: Image, wanted: string): boolean =>
  name === temporaryName(wanted, tags[MARK_TAG] ?? '');
/** Whether it is the unencrypted image behind an encrypted one of this name. */
export const isPlain = ({ name, tags }: Image, wanted: string): boolean =>
  name === plainName(wanted, tags[MARK_TAG] ?? '');
/** Whether it was renamed to make room for a new image of this name. */
export const isAside = ({ id, name }: Image, wanted: string): boolean => name === asideName(wanted, id);

const dashed = (mark: string): string => mark.replaceAll('.', '-');

function withSuffix(name: string, suffix: string): string {
  const room = LONGEST - SUFFIX;
  if (name.length <= room) return name + suffix;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, room - 9)}-${hash}${suffix}`;
}
