import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePairs } from '../../runner/output.ts';
import { toy } from './toy-action.ts';

const at = toy();
const { run } = at;

describe('environment', () => {
  it('sets every declared input, whatever the case of the given names, and warns of unknown ones', async () => {
    const print = `console.log(JSON.stringify(Object.fromEntries(Object.entries(env).filter(([k]) => k.startsWith('INPUT_')))))`;
    const { log } = await run(print, { inputs: { IMAGE_Name: 'x', typo: 'y' } });
    expect(log.split('\n')[0]).toBe("##[warning]Unexpected input(s) 'typo'");
    expect(JSON.parse(log.split('\n')[1] ?? '')).toEqual({
      INPUT_IMAGE_NAME: 'x',
      INPUT_SKIP_CLEAN: 'false',
      INPUT_WITH_SPACE: '7',
      INPUT_TYPO: 'y',
    });
  });

  it('starts in the workspace with its own environment and without stdin', async () => {
    process.env.SECRET_OF_HOST = 'leak';
    const { raw } = await run(
      `process.stdin.on('end', () => console.log(process.cwd() === env.GITHUB_WORKSPACE, env.SECRET_OF_HOST, env.GITHUB_RUN_ID, env.EXTRA, env.GITHUB_RUN_ATTEMPT)).resume()`,
      { env: { GITHUB_RUN_ATTEMPT: '2' } },
      { env: { EXTRA: 'e' } },
    );
    delete process.env.SECRET_OF_HOST;
    expect(raw).toBe('true undefined 4242 e 2\n');
  });
});

describe('files', () => {
  it('reads outputs, environment and summary by the rules of the runner', async () => {
    const result = await run(`
      append('GITHUB_OUTPUT', 'a=1=2\\n\\nb<<EOF\\nfirst\\nc=3\\n\\nlast\\nEOF\\nempty<<E\\nE\\nd=x<<y\\n');
      append('GITHUB_ENV', 'LATER=yes\\nNODE_OPTIONS=--bad\\n');
      append('GITHUB_PATH', '/one\\n/two\\n');
      append('GITHUB_STEP_SUMMARY', '# Done\\n');
    `);
    expect(result.conclusion).toBe('success');
    expect(result.outputs).toEqual({ a: '1=2', b: 'first\nc=3\n\nlast', empty: '', d: 'x<<y' });
    expect(result.summary).toBe('# Done\n');
    expect(result.env).toEqual({ LATER: 'yes' });
    expect(result.files.GITHUB_OUTPUT).toMatch(/^a=1=2\n/);
    const post = await run(`console.log(env.LATER, env.PATH.startsWith('/two:/one:'), env.NODE_OPTIONS)`, {
      stage: 'post',
    });
    expect(post.log).toBe('yes true undefined\n');
  });

  it('fails the step if a file cannot be parsed, and keeps the values before the error', async () => {
    const result = await run(`append('GITHUB_OUTPUT', 'a=1\\nb<<EOF\\nnever ends\\n')`);
    expect(result).toMatchObject({ conclusion: 'failure', code: 0, outputs: { a: '1' } });
    expect(result.log).toContain("##[error]Invalid value. Matching delimiter not found 'EOF'");
    expect(() => {
      parsePairs('no sign', {});
    }).toThrow("Invalid format 'no sign'");
  });

  it('drops a summary over 1 MiB', async () => {
    const result = await run(`append('GITHUB_STEP_SUMMARY', 'x'.repeat(1024 * 1024 + 1))`);
    expect(result).toMatchObject({ conclusion: 'success', summary: '' });
    expect(result.log).toContain('##[error]$GITHUB_STEP_SUMMARY upload aborted');
  });

  it('passes state to post, but not to a new attempt', async () => {
    const code = `console.log(env.STATE_key, env.STATE_old); append('GITHUB_STATE', 'key<<E\\nx\\ny\\nE\\n'); console.log('::save-state name=old::z')`;
    expect((await run(code)).state).toEqual({ key: 'x\ny', old: 'z' });
    expect((await run(code, { stage: 'post' })).log).toBe('x\ny z\n');
    expect((await run(code)).log).toBe('undefined undefined\n');
  });

  it('removes its files at the end', async () => {
    await run('');
    const workspace = at.job?.workspace ?? '';
    await at.job?.close();
    await expect(readFile(join(workspace, '.'))).rejects.toThrow('ENOENT');
  });
});

describe('endings', () => {
  const HANG = `setInterval(() => {}, 1000); console.log('ready');`;
  const cancelWhen = (line: string): boolean => line === 'ready';

  it('fails on an exit code and on a signal', async () => {
    expect(await run('process.exit(3)')).toMatchObject({ conclusion: 'failure', code: 3, signal: null });
    expect(await run(`process.kill(process.pid, 'SIGKILL')`)).toMatchObject({
      conclusion: 'failure',
      signal: 'SIGKILL',
    });
  });

  it('cancels with SIGINT, which ends Node at once; post gets the state', async () => {
    const result = await run(`append('GITHUB_STATE', 'id=1\\n'); ${HANG}`, { cancelWhen });
    expect(result).toMatchObject({ conclusion: 'cancelled', signal: 'SIGINT', state: { id: '1' } });
    expect((await run('console.log(env.STATE_id)', { stage: 'post' })).log).toBe('1\n');
  });

  it('is cancelled by an AbortSignal too, even if the process exits with 0', async () => {
    const abort = new AbortController();
    const started = run(`process.on('SIGINT', () => process.exit(0)); ${HANG}`, {
      signal: abort.signal,
      onLine: () => {
        abort.abort();
      },
    });
    expect(await started).toMatchObject({ conclusion: 'cancelled', code: 0, signal: null });
  });

  it('sends SIGTERM next, then kills the tree', async () => {
    const deaf = `process.on('SIGINT', () => console.log('int'));`;
    const term = await run(deaf + HANG, { cancelWhen, signalDelays: [300, 300] });
    expect(term).toMatchObject({ conclusion: 'cancelled', signal: 'SIGTERM', log: 'ready\nint\n' });
    const deafer = `${deaf} process.on('SIGTERM', () => console.log('term'));
      const { spawn } = await import('node:child_process');
      console.log('child ' + spawn('sleep', ['60'], { stdio: 'inherit' }).pid > 0);`;
    const killed = await run(deafer + HANG, { cancelWhen, signalDelays: [300, 300] });
    expect(killed).toMatchObject({ conclusion: 'cancelled', signal: 'SIGKILL' });
    // The child keeps stdout open. If it were still alive, the stage would have waited five seconds for it.
    expect(killed.ms).toBeLessThan(4_000);
  });

  it('measures time', async () => {
    expect((await run('setTimeout(() => {}, 300)')).ms).toBeGreaterThan(300);
  });

  it('runs the preload of NODE_OPTIONS, in folders with spaces too', async () => {
    await writeFile(join(at.folder, 'pre load.mjs'), `console.log('preloaded')`);
    const { log } = await run(
      `console.log('main')`,
      {},
      { nodeOptions: `--import="${join(at.folder, 'pre load.mjs')}"` },
    );
    expect(log).toBe('preloaded\nmain\n');
  });
});
