import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { troubleshooting } from '../scripts/make-troubleshooting.ts';
import { ADVICE } from '../src/action/advice.ts';

test('docs/troubleshooting.md is up to date', async () => {
  expect(readFileSync('docs/troubleshooting.md', 'utf8')).toBe(await troubleshooting());
});

test('no code has two entries', () => {
  const codes = Object.values(ADVICE)
    .flat()
    .flatMap((entry) => entry.codes);
  expect(codes).toEqual([...new Set(codes)]);
});
