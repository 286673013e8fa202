import fc from 'fast-check';
import { expect, test } from 'vitest';
import { code, prose } from '../src/action/summary.ts';
import { nodes, parseMarkdown, textOf } from './support/rendered.ts';

const MARKS = [
  ...'| ` \\ < > [ ] ( ) ! * _ ~ # @ : & ; " \' = - + . $ ^ { }'.split(' '),
  ' ',
  '``',
  '\\|',
  '<img onerror=x>',
  '[x](javascript:y)',
  '![x](https://a.b)',
  '<!--',
  '-->',
  'https://a.b',
  'www.a.b',
  'me@a.bc',
  '@octocat',
  '&lt;',
  '&#124;',
  'word',
  '1.5',
  '\u00e9',
];
const line = fc
  .array(fc.oneof(fc.constantFrom(...MARKS), fc.string({ unit: 'grapheme-ascii', maxLength: 3 })), { maxLength: 12 })
  .map((parts) => parts.join(''));

test.each(Object.entries({ code, prose }))('%s shows any line as it is, in one cell of a table', (name, write) => {
  fc.assert(
    fc.property(line, (text) => {
      const tree = parseMarkdown(`| a | b |\n| - | - |\n| . ${write(text)} . | . |\n`);
      const cells = nodes(tree).filter(({ type }) => type === 'tableCell');
      expect(cells).toHaveLength(4);
      const [, , cell = { type: 'none' }] = cells;
      expect(textOf(cell)).toBe(`. ${text} .`);
      const inside = nodes(cell).slice(1);
      expect(inside.filter(({ type }) => type !== 'text' && type !== 'inlineCode')).toEqual([]);
      const plain = inside.filter(({ type }) => type === 'text').map(({ value = '' }) => value);
      if (name === 'prose') expect(plain.join('')).not.toMatch(/[@#/\\<>[\]`*_~]/);
    }),
    { numRuns: 2000 },
  );
});

test('plain sentences stay plain, names and values become code', () => {
  expect(prose('Set image_force_delete: true (or choose another name).')).toBe(
    'Set `image_force_delete`: true (or choose another name).',
  );
});
