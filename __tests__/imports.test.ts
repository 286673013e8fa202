import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ROOT } from './support/scene.ts';

const FOLDERS = ['src', 'simulator', 'runner', 'bench', 'scripts', '__tests__'];

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name)),
);
/** The imports of each file inside the repository, types included: the rules of ESLint and knip ignore types. */
const imports = new Map(
  files.map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(ROOT, file), 'utf8'));
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
    return [file, own.map((name) => normalize(join(dirname(file), name)))];
  }),
);

/** The import circle that a file leads to, if there is one. Remembers files that lead to none. */
function circleFrom(file: string, way: string[], harmless: Set<string>): string[] | undefined {
  if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
  if (harmless.has(file)) return undefined;
  for (const next of imports.get(file) ?? []) {
    const circle = circleFrom(next, [...way, file], harmless);
    if (circle) return circle;
  }
  harmless.add(file);
  return undefined;
}

test('there are no circular imports', () => {
  const harmless = new Set<string>();
  expect(files.length).toBeGreaterThan(250);
  expect([...imports.values()].flat().length).toBeGreaterThan(1000);
  for (const file of files) expect(circleFrom(file, [], harmless)?.join(' -> ')).toBeUndefined();
});
