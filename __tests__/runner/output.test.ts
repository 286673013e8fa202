import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../runner/output.ts';
import { toy } from './toy-action.ts';

const { run } = toy();

describe('commands', () => {
  const known = new Set(['error', 'add-mask', 'set-output']);
  it.each([
    ['::error::x', 'x'],
    [' \t\u00a0\u0085::error::x', 'x'],
    ['::ERROR file=a%2Cb,line=1::x%0Ay%250A', 'x\ny%0A'],
    ['text ##[error]x', 'x'],
    ['::unknown:: ##[error title=a%3Bb;line=1]x%5D', 'x]'],
  ])('%j is a command', (line, message) => {
    expect(parseCommand(line, known)).toMatchObject({ command: 'error', message });
  });
  it.each([
    'text ::error::x',
    '::unknown::x',
    '::error',
    '##[unknown] ##[error]x',
    '##[error',
    '# #[error]x',
    ': :error::x',
  ])('%j is text', (line) => {
    expect(parseCommand(line, known)).toBeUndefined();
  });

  it('parses properties', () => {
    expect(parseCommand('::error file=a%2Cb,line=1,,x=,y==z::m', known)?.properties).toEqual({
      file: 'a,b',
      line: '1',
      y: 'z',
    });
    expect(parseCommand('##[error a=1%3B;b=2,3]m', known)?.properties).toEqual({ a: '1;', b: '2,3' });
  });

  it('executes commands on both streams, after a single carriage return, and across chunks', async () => {
    const result = await run(`
      process.stdout.write('progress 50%\\r::warning::after cr\\r\\n::noti');
      setTimeout(() => process.stdout.write('ce::in two\\r'), 200);
      setTimeout(() => { process.stdout.write('\\nend'); console.error('::error title=t::on stderr') }, 400);
    `);
    expect(result.commands.map(({ command, message }) => `${command} ${message}`)).toEqual([
      'warning after cr',
      'notice in two',
      'error on stderr',
    ]);
    expect(result.log.split('\n')).toEqual(
      expect.arrayContaining(['progress 50%', '##[warning]after cr', '##[notice]in two', '##[error]on stderr', 'end']),
    );
    expect(result.conclusion).toBe('success');
  });

  it('masks each line of a secret after its add-mask, in log, summary and later stages', async () => {
    const result = await run(`
      console.log('early s3cret');
      console.log('::add-mask::s3cret%0Asecond');
      console.log('late s3cret, second');
      console.log('::error::s3cret');
      append('GITHUB_STEP_SUMMARY', 'sum s3cret\\n');
    `);
    expect(result.log).toBe('early s3cret\nlate ***, ***\n##[error]***\n');
    expect(result.summary).toBe('sum ***\n');
    expect(result.raw).toContain('late s3cret');
    expect((await run(`console.log('s3cret')`, { stage: 'post' })).log).toBe('***\n');
  });

  it('shows groups, and debug lines only if RUNNER_DEBUG is 1', async () => {
    const code = `console.log('::group::g\\n::debug::d\\n::endgroup::')`;
    expect((await run(code)).log).toBe('##[group]g\n##[endgroup]\n');
    expect((await run(code, { env: { RUNNER_DEBUG: '1' } })).log).toBe('##[group]g\n##[debug]d\n##[endgroup]\n');
  });

  it('fails the step at set-env and add-path, but accepts set-output', async () => {
    expect((await run(`console.log('::set-output name=a::1')`)).outputs).toEqual({ a: '1' });
    expect(await run(`console.log('x ##[set-env name=a]1')`)).toMatchObject({ conclusion: 'failure', code: 0 });
    expect(await run(`console.log('::add-path::/x')`)).toMatchObject({ conclusion: 'failure', code: 0 });
  });

  it('executes no commands between stop-commands and its token', async () => {
    const { commands, log } = await run(`console.log('::stop-commands::tok\\n::error::a\\n::tok::\\n::error::b')`);
    expect(commands.map(({ command, message }) => `${command} ${message}`)).toEqual(['stop-commands tok', 'error b']);
    expect(log).toBe('::stop-commands::tok\n::error::a\n::tok::\n##[error]b\n');
  });
});
