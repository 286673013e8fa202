import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCommand } from '../runner/output.ts';
import { openLog } from '../src/action/log.ts';

const KNOWN = new Set(['error', 'warning', 'add-mask', 'set-output', 'stop-commands', 'group']);

/** Pieces of runner commands, and characters that hide text. */
const piece = fc.constantFrom(
  ...['::', '##[', '##', '[', ']', ':', '#', 'error', 'add-mask', 'set-output name=a', ' ', '\t', '\n', '\r', '\u0085'],
  ...['\u2028', '\u00a0', '\u3000', '\ufeff', '\u202e', '\u001b[2J', '\ud800', '%0A', 'text', 'secret'],
);

test('no text becomes a command of the runner or is hidden from a reader', () => {
  const { safe } = openLog();
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const line = safe(pieces.join(''));
      expect(parseCommand(line, KNOWN)).toBeUndefined();
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
    { numRuns: 3000 },
  );
});

test('secrets are hidden, even if one contains another', () => {
  const log = openLog();
  const written: string[] = [];
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string) => written.push(text) > 0;
  try {
    for (const secret of ['token', 'token-and-more', 'two\nlines']) log.hide(secret);
    log.info('token token-and-more two\nlines');
    log.warning('a token-and-more');
    log.debug('token\ntoken');
  } finally {
    process.stdout.write = write;
  }
  const shown = written.join('').replace(/^::add-mask::.*$/gm, '');
  expect(shown).not.toMatch(/token|and-more|two|lines/);
});

test('a secret is hidden line by line and percent-encoded, as an error may show it', () => {
  const log = openLog();
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = () => true;
  try {
    log.hide('first+line/\r\n  second=line\nno');
  } finally {
    process.stdout.write = write;
  }
  const shown = ['first+line/', 'second=line', 'first%2Bline%2F', 'second%253Dline'].map((text) => `a ${text} b`);
  expect(shown.map(log.safe)).toEqual(shown.map(() => 'a *** b'));
  expect(log.safe('no')).toBe('no');
});
