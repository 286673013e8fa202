import { expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/run/ledger.ts';
import { undoneAfter, type Ending } from '../../src/run/undo/endings.ts';

const me = { owner: '0123456789abcdef', attempt: 1, nonce: '01234567' };
const DERIVED = `alicloud-import/web/42-${me.owner}/1-${me.nonce}/disk.raw`;
const image = { region: 'r', name: 'web', wants: 'web', mark: '', madeBy: 'import', intermediate: false } as const;
/** One entry of each kind; uploads and objects under a derived key and under a user's key. */
const MADE: Record<string, LedgerEntry> = {
  upload: { kind: 'upload', key: DERIVED, id: 'u' },
  'their upload': { kind: 'upload', key: 'images/disk.raw', id: 'u' },
  zeros: { kind: 'zeros', key: DERIVED },
  object: { kind: 'object', key: DERIVED },
  'their object': { kind: 'object', key: 'images/disk.raw' },
  image: { kind: 'image', ...image },
  replaced: { kind: 'replaced', region: 'r', name: 'web', ids: ['m-1'] },
  role: { kind: 'role' },
};
const OBJECTS = ['object', 'their object'];
const IMAGES = ['image', 'replaced'];

test.each<[Ending, skipClean: boolean, kept: string[]]>([
  ['success', false, []],
  ['success', true, OBJECTS],
  ['failure', false, []],
  ['failure', true, ['upload', ...OBJECTS]],
  ['timeout', false, [...OBJECTS, ...IMAGES]],
  ['timeout', true, [...OBJECTS, ...IMAGES]],
])('%s, skip_clean %s', (ending, skipClean, kept) => {
  const undone = undoneAfter(ending, Object.values(MADE), { skipClean, me });
  expect(
    Object.entries(MADE)
      .filter(([, made]) => !undone.includes(made))
      .map(([name]) => name),
  ).toEqual(kept);
});
