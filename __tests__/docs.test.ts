import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from './support/scene.ts';

const FILES = globSync('{*.md,docs/*.md,bench/*.md}', { cwd: ROOT });

interface Node {
  type: string;
  url?: string;
  value?: string;
  lang?: string | null | undefined;
  children?: Node[];
}
const below = (node: Node): Node[] => [node, ...(node.children ?? []).flatMap(below)];
const nodes = (file: string): Node[] => below(fromMarkdown(readFileSync(join(ROOT, file), 'utf8')));
const textOf = (node: Node): string =>
  below(node)
    .map(({ value = '' }) => value)
    .join('');

/** Anchors as GitHub makes them: lower case, without punctuation, with hyphens for spaces. */
const anchors = (file: string): string[] =>
  nodes(file)
    .filter(({ type }) => type === 'heading')
    .map((heading) =>
      textOf(heading)
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );

test.each(FILES)('links and anchors of %s resolve inside the repository', (file) => {
  const links = nodes(file)
    .filter(({ type, url = '' }) => /^(link|image|definition)$/.test(type) && !/^(https?|mailto):/.test(url))
    .map(({ url = '' }) => url);
  const broken = links.filter((url) => {
    const [path = '', anchor] = url.split('#');
    const target = path === '' ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchors(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('every page of docs is linked from the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const others = globSync('docs/*.md', { cwd: ROOT }).filter((page) => !readme.includes(`](${page}`));
  // A reference of host names, linked from the requirements and company pages.
  expect(others).toEqual(['docs/regions.md']);
});

const blocks = (file: string, lang: string): string[] =>
  nodes(file)
    .filter((node) => node.type === 'code' && node.lang === lang)
    .map(({ value = '' }) => value);

/** Everything that `with:` holds, anywhere in a document. */
function withs(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'with' ? [inner as Record<string, unknown>] : withs(inner),
  );
}

test.each(FILES)('GitHub takes every value in the workflows of %s: lists and maps are refused', (file) => {
  const values = blocks(file, 'yaml')
    .flatMap((text) => withs(parse(text)))
    .flatMap((inputs) => Object.values(inputs));
  expect(values.filter((value) => typeof value === 'object')).toEqual([]);
});

test('the example of a migration from Packer keeps every option', () => {
  const page = 'docs/migrating-from-packer.md';
  const [before = ''] = blocks(page, 'hcl');
  const options = [...before.matchAll(/^ {4}(\w+) +=/gm)].map(([, name]) => name);
  const [inputs = {}] = blocks(page, 'yaml').flatMap((text) => withs(parse(text)));
  expect(Object.keys(inputs).sort()).toEqual([...options, 'path'].sort());
});
