import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from '../disk/build.ts';
import { quickScene } from '../support/quick.ts';
import { ROOT } from '../support/scene.ts';

test('dist is what src builds to, byte for byte', () => {
  const fresh = scratch();
  execFileSync('npm', ['run', 'build', '--', '-o', fresh], { cwd: ROOT });
  const committed = join(ROOT, 'dist');
  expect(readdirSync(committed).sort()).toEqual(readdirSync(fresh).sort());
  for (const name of readdirSync(fresh)) {
    const same = readFileSync(join(fresh, name)).equals(readFileSync(join(committed, name)));
    expect(same, `${name} differs: run npm run build, and commit dist`).toBe(true);
  }
});

test('the bundle starts on the Node version of action.yml in any folder, and reports missing inputs', () => {
  const bundle = join(ROOT, 'dist/index.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle], {
    cwd: scratch(),
    env: {},
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stdout).toMatch(/^::error::Nothing was uploaded\. Fix the following:%0A- /m);
  expect(stderr).toBe('');
});

test('prints only the log of the run, in success and failure', async () => {
  const scene = await quickScene();
  let noise = '';
  const onSpawn = (child: { stderr: NodeJS.ReadableStream | null }) => {
    child.stderr?.on('data', (text: string) => (noise += text));
  };
  const main = await scene.main({}, { onSpawn });
  const post = await scene.post({}, { onSpawn });
  const again = await scene.main({}, { onSpawn });
  expect([main, post, again].map(({ conclusion }) => conclusion)).toEqual(['success', 'success', 'failure']);
  expect(noise).toBe('');
  // Each line is a sentence or the title of a group.
  const lines = main.log.trimEnd().split('\n');
  expect(lines.filter((line) => !/^(##\[(group|endgroup)\]|.*\.$)/.test(line))).toEqual([]);
});
