import { plainName } from './ecs/names.ts';
import type { ImportRequest } from './inputs.ts';

/** An image that a run makes: one name in one region. */
export interface Target {
  /** `encrypt` and `copy` are made from the image before them. */
  kind: 'import' | 'encrypt' | 'copy';
  region: string;
  name: string;
  kmsKeyId: string | undefined;
  /** Needed only on the way: removed in the end. */
  scratch: boolean;
}

/** All images that a request asks for, in the order in which they are made. The first is imported. */
export function targetsOf({ region, image: { name }, distribution, run }: ImportRequest): Target[] {
  const { copies, encrypted, kmsKeyId } = distribution;
  const imported: Target = { kind: 'import', region, name, kmsKeyId: undefined, scratch: false };
  const main: Target[] = encrypted
    ? [
        { ...imported, name: plainName(name, run.id), scratch: true },
        { ...imported, kind: 'encrypt', kmsKeyId },
      ]
    : [imported];
  return [...main, ...copies.map((copy): Target => ({ kind: 'copy', scratch: false, ...copy }))];
}
