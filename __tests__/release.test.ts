import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { scratch } from './disk/build.ts';
import { ROOT } from './support/scene.ts';

interface Step {
  name?: string;
  uses?: string;
  run?: string;
}
interface Workflow {
  on: { push?: { tags?: string[] } };
  permissions: Record<string, string>;
  jobs: Record<string, { permissions?: Record<string, string>; steps: Step[] }>;
}

const workflow = (name: string) => parse(readFileSync(join(ROOT, '.github/workflows', name), 'utf8')) as Workflow;
const stepsOf = (name: string) => Object.values(workflow(name).jobs).flatMap(({ steps }) => steps);
const scriptOf = (name: string, step: RegExp) => stepsOf(name).find((one) => step.test(one.name ?? ''))?.run ?? '';

/** Runs a script of a workflow as the runner does, with a `gh` that records its arguments. */
function run(script: string, folder: string, env: Record<string, string>, ghFails = 'none') {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const gh = `#!/bin/sh\necho "$@" >> '${folder}/asked'\ncase "$*" in *graphql*) cat > '${folder}/body';; *'${ghFails}'*) exit 1;; esac\n`;
  writeFileSync(join(bin, 'gh'), gh);
  chmodSync(join(bin, 'gh'), 0o755);
  const PATH = [bin, process.env.PATH].join(delimiter);
  expect(script).not.toBe('');
  return spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...env, PATH },
    encoding: 'utf8',
  });
}

describe('a release', () => {
  const RELEASED = '# Changelog\n\n## 1.2.3 - 2027-01-31\n\n- One.\n- Two.\n\n## 1.2.2\n\n- Old.\n';

  function check(tag: string, changelog: string) {
    const folder = scratch();
    writeFileSync(join(folder, 'package.json'), '{ "version": "1.2.3" }');
    writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
    const { status } = run(scriptOf('release.yml', /^The tag is the version/), folder, { GITHUB_REF_NAME: tag });
    return status === 0 ? readFileSync(join(folder, 'notes.md'), 'utf8').trim() : 'refused';
  }

  test.each([
    ['the version of package.json, with an entry', 'v1.2.3', RELEASED, '- One.\n- Two.'],
    ['an entry without a date', 'v1.2.3', RELEASED.replace(' - 2027-01-31', ''), '- One.\n- Two.'],
    ['another version than that of package.json', 'v1.2.2', RELEASED, 'refused'],
    ['no entry', 'v1.2.3', RELEASED.replace('## 1.2.3', '## 1.3.0'), 'refused'],
    ['only the entry of a version with the same beginning', 'v1.2.3', RELEASED.replace('1.2.3', '1.2.30'), 'refused'],
    ['an entry that is not released yet', 'v1.2.3', RELEASED.replace(/ - .*/, ' (not released yet)'), 'refused'],
    ['an empty entry', 'v1.2.3', RELEASED.replace('- One.\n- Two.\n', ''), 'refused'],
  ])('%s', (_, tag, changelog, notes) => {
    expect(check(tag, changelog)).toBe(notes);
  });

  test('starts for the tag of a version and for no other tag', () => {
    const [pattern = '', ...more] = workflow('release.yml').on.push?.tags ?? [];
    expect(more).toEqual([]);
    // In GitHub's patterns "." is a dot, "+" and "[]" are those of a regular expression.
    const begins = new RegExp(`^${pattern.replaceAll('.', '\\.')}$`);
    const tags = ['v1.2.3', 'v10.20.30', 'v1', 'v1.2', '1.2.3', 'v1.2.3-rc.1', 'v1x2x3', 'dev/v1.2.3'];
    expect(tags.filter((tag) => begins.test(tag))).toEqual(['v1.2.3', 'v10.20.30']);
  });

  test('tests and attests the bundle, publishes once, then moves the major tag', () => {
    const steps = stepsOf('release.yml').map(({ name, uses, run: script }) => name ?? uses ?? script ?? '');
    const order = [/^The tag is/, /^bash \.ci\/run$/, /^actions\/attest@/, /^Publish/];
    const places = order.map((step) => steps.findIndex((one) => step.test(one)));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));

    const env = { GITHUB_REF_NAME: 'v1.2.3', GITHUB_REPOSITORY: 'org/alicloud-import', GITHUB_SHA: 'f00' };
    const publish = scriptOf('release.yml', /^Publish/);
    for (const ghFails of ['none', 'PATCH', 'release create']) {
      const folder = scratch();
      const { status } = run(publish, folder, env, ghFails);
      const create = 'release create v1.2.3 --verify-tag --notes-file notes.md sbom.spdx.json';
      const move = 'api --method PATCH repos/org/alicloud-import/git/refs/tags/v1 -f sha=f00 -F force=true';
      const make = 'api --method POST repos/org/alicloud-import/git/refs -f ref=refs/tags/v1 -f sha=f00';
      const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
      const wanted = { none: [create, move], PATCH: [create, move, make], 'release create': [create] }[ghFails];
      expect(asked).toEqual(wanted);
      expect(status).toBe(ghFails === 'release create' ? 1 : 0);
    }
  });

  test('the version of package.json has an entry in the changelog', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const heads = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').match(/^## \S+/gm) ?? [];
    expect(heads).toContain(`## ${version}`);
  });
});

describe('dist of a dependency update', () => {
  test('is built without write permission, and committed without running any of it', () => {
    const build = workflow('rebuild-dist.yml');
    expect(build.permissions).toEqual({ contents: 'read' });
    expect(Object.values(build.jobs).flatMap(({ permissions = {} }) => Object.keys(permissions))).toEqual([]);
    expect(JSON.stringify(build)).not.toMatch(/secrets\.|github\.token/);
    const commit = workflow('commit-dist.yml');
    expect(commit.permissions).toEqual({});
    expect(commit.jobs.commit?.permissions).toEqual({ actions: 'read', contents: 'write' });
    expect(stepsOf('commit-dist.yml').map(({ uses }) => uses?.split('@')[0])).toEqual([
      'actions/download-artifact',
      undefined,
    ]);
    expect(scriptOf('commit-dist.yml', /^Commit/)).not.toMatch(/\b(npm|npx|node|git)\b|\$\{\{/);
  });

  const env = { GITHUB_REPOSITORY: 'org/alicloud-import', BRANCH: 'dependabot/npm_and_yarn/a-1', HEAD: 'f00' };
  const hasJq = spawnSync('sh', ['-c', 'command -v jq']).status === 0;

  test.skipIf(!hasJq)('is committed onto the commit that it was built from', () => {
    const folder = scratch();
    const files = { 'index.js': 'x'.repeat(3_000_000), 'licenses.txt': 'MIT "\u00e9"\n', 'package.json': '{}' };
    mkdirSync(join(folder, 'dist'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'dist', name), text);
    const script = scriptOf('commit-dist.yml', /^Commit/);
    expect(run(script, folder, env)).toMatchObject({ status: 0, stderr: '' });
    const { variables } = JSON.parse(readFileSync(join(folder, 'body'), 'utf8')) as {
      variables: { input: { fileChanges: { additions: { path: string; contents: string }[] } } };
    };
    const { fileChanges, ...input } = variables.input;
    expect(input).toEqual({
      branch: { repositoryNameWithOwner: env.GITHUB_REPOSITORY, branchName: env.BRANCH },
      expectedHeadOid: env.HEAD,
      message: { headline: '[dependabot skip] Rebuild dist' },
    });
    const added = fileChanges.additions.map(({ path, contents }) => [path, Buffer.from(contents, 'base64').toString()]);
    expect(added).toEqual(Object.entries(files).map(([name, text]) => [`dist/${name}`, text]));
  });

  test('is refused if it contains anything but files', () => {
    const folder = scratch();
    mkdirSync(join(folder, 'dist'));
    symlinkSync('/proc/self/environ', join(folder, 'dist/index.js'));
    expect(run(scriptOf('commit-dist.yml', /^Commit/), folder, env).status).toBe(1);
  });
});
