import { plainName } from '../ecs/names.ts';
import { markText, type Mark } from './ownership.ts';
import type { ImportRequest } from './request.ts';

/** One image that a run makes, in one region. */
export interface Target {
  /** `encrypt` and `copy` are copies of an image that was made before. */
  kind: 'import' | 'encrypt' | 'copy';
  region: string;
  name: string;
  encrypted: boolean;
  kmsKeyId: string | undefined;
  /** Whether it is only the source of the encrypted image, and is deleted in the end. */
  intermediate: boolean;
}

/** All images that a request asks for, in the order in which they are made; the first one is imported. */
export function targetsOf({ region, image: { name }, distribution }: ImportRequest, me: Mark): Target[] {
  const { copies, encrypted, kmsKeyId } = distribution;
  const own = { region, name, kmsKeyId, encrypted, intermediate: false };
  const plain = { region, name: plainName(name, markText(me)), kmsKeyId: undefined, encrypted: false };
  const main: Target[] = encrypted
    ? [
        { ...plain, kind: 'import', intermediate: true },
        { ...own, kind: 'encrypt' },
      ]
    : [{ ...own, kind: 'import' }];
  return [...main, ...copies.map((copy): Target => ({ kind: 'copy', intermediate: false, encrypted, ...copy }))];
}
