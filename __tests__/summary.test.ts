import { summary } from '@actions/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { code, prose, writeSummary } from '../src/action/summary.ts';
import { file } from './disk/build.ts';
import { nodes, parseMarkdown, rendered, textOf } from './support/rendered.ts';

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

test.each(Object.entries({ code, prose }))('%s shows any line unchanged in one cell of a table', (name, write) => {
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

test('words stay plain text, names and values become code', () => {
  expect(prose('Set image_force_delete: true (or choose another name).')).toBe(
    'Set `image_force_delete`: true (or choose another name).',
  );
});

test('words of one expression are one code span, which can be copied', () => {
  expect(prose('Write ${{ vars.<name> }}, ${{ inputs.<name> }} or a_b c_d.')).toBe(
    'Write `${{ vars.<name> }}`, `${{ inputs.<name> }}` or `a_b c_d`.',
  );
});

test('the summary of a run without credentials, and of one without name or region', async () => {
  const path = file('summary', '');
  process.env.GITHUB_STEP_SUMMARY = path;
  const request = (name: string, region: string) => ({ image: { name }, region }) as never;
  const outcome = { images: [], staged: [], leftovers: [] };
  const safe = (text: string) => text;
  const dryRun = { ...outcome, wouldDo: [], notChecked: 'everything in the cloud' };
  const dry = { request: request('app', 'cn-beijing'), disks: [], outcome: dryRun, failures: [] };
  await writeSummary(dry, safe);
  expect(rendered(readFileSync(path, 'utf8'))).toMatchObject({
    heading: 'Dry run: nothing was changed',
    rows: [
      ['Image', 'app in cn-beijing'],
      ['Not checked', 'everything in the cloud'],
    ],
  });
  for (const [name, region, row] of [
    ['', 'cn-beijing', []],
    ['app', '', [['Image', 'app']]],
    ['', '', []],
  ] as const) {
    await summary.clear();
    await writeSummary({ request: request(name, region), disks: [], outcome, failures: ['No.'] }, safe);
    expect(rendered(readFileSync(path, 'utf8')).rows).toEqual([...row, ['Failed', 'No.']]);
  }
});
