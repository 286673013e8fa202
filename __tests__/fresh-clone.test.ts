import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from './support/scene.ts';

/** The commands that a page prints, one by one, in its order. */
const commandsOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) => block.split(/\n|&&/))
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '');

const printed = [...commandsOf('README.md'), ...commandsOf('CONTRIBUTING.md')];
/** What runs this very test would never end. */
const isAllTests = (command: string) => /^(npm test|npm run test:matrix|npx vitest( run)?)$/.test(command);
// One installation serves all.
const commands = [...new Set(printed)].filter((command) => !isAllTests(command));

const KEPT =
  /^(PATH|HOME|LANG|TMPDIR|\w+_proxy|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|npm_config_(registry|userconfig|cache|cafile))$/i;
/** What a stranger's shell has: the Node of this machine rather than of this project, and nothing of npm and Vitest. */
const env = Object.fromEntries(
  Object.entries(process.env)
    .filter(([name]) => KEPT.test(name))
    .map(([name, value = '']) => {
      const paths = value.split(delimiter).filter((path) => !path.includes('node_modules'));
      return [name, name === 'PATH' ? paths.join(delimiter) : value];
    }),
);

/** What must be seen of a command, beside its success. */
const PROOFS: [command: string, ...shown: RegExp[]][] = [
  [
    'npm run demo',
    /^image_id = m-\w+$/m,
    /^ok +image m-\w+ "packer_import" is Available/m,
    /^ok +bucket packer: 0 objects, 0 unfinished uploads$/m,
  ],
  ['npx vitest run', /^[1-9]\d* passed, 0 failed, 0 skipped$/m],
];

const folder = mkdtempSync(join(tmpdir(), 'clone-'));
const home = mkdtempSync(join(tmpdir(), 'clone-home-'));
const execute = promisify(execFile);
const shell = async (command: string) => {
  const { stdout } = await execute('sh', ['-c', command], { cwd: folder, env, maxBuffer: 64 * 1024 ** 2 });
  return stdout;
};

beforeAll(async () => {
  // A checkout may belong to another user than the one who runs the tests.
  const config = join(home, 'gitconfig');
  writeFileSync(config, '[safe]\n\tdirectory = *\n');
  await execute('git', ['clone', '--quiet', ROOT, folder], { env: { ...env, GIT_CONFIG_GLOBAL: config } });
});
afterAll(() => {
  for (const made of [folder, home]) rmSync(made, { recursive: true });
});

test('README and CONTRIBUTING print what a stranger needs', () => {
  expect(commands[0]).toBe('npm ci');
  expect(commands).toEqual(expect.arrayContaining(['npm run demo', 'npm run build']));
  expect(printed).toContain('npm test');
  for (const [proven] of PROOFS) expect(commands.filter((command) => command.startsWith(proven))).toHaveLength(1);
});

test.each(commands)('$ %s', async (command) => {
  const shown = await shell(command);
  const proofs = PROOFS.filter(([start]) => command.startsWith(start)).flatMap(([, ...rest]) => rest);
  for (const proof of proofs) expect(shown).toMatch(proof);
  // Nothing that is printed there changes what is committed; above all, dist is what src builds to, byte for byte.
  expect(await shell('git status --porcelain'), 'if it is dist: npm run build, and commit it').toBe('');
});
