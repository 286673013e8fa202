import { createHash } from 'node:crypto';

/** Longest image name that ECS takes (https://help.aliyun.com/document_detail/25542.html). */
const LONGEST = 128;

/** Where a new image waits for its name. */
export const temporaryName = (name: string, runId: string): string => withSuffix(name, `-importing-${runId}`);

/** The unencrypted image that an encrypted one is copied from. */
export const plainName = (name: string, runId: string): string => withSuffix(name, `-plain-${runId}`);

/** Where an old image goes; it carries the image's own id, so that one set aside is known by its name alone. */
export const asideName = (name: string, imageId: string): string => withSuffix(name, `-replaced-${imageId}`);

/** What all names of images set aside for `name` have in common, for a fuzzy search. */
export const asidePrefix = (name: string): string => asideName(name, '');

function withSuffix(name: string, suffix: string): string {
  const room = LONGEST - 64;
  if (name.length <= room) return name + suffix;
  const mark = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, room - 9)}-${mark}${suffix}`;
}
