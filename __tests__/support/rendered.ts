import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { expect } from 'vitest';

/** The parts of a Markdown tree that are used here. */
interface Node {
  type: string;
  value?: string;
  url?: string;
  depth?: number;
  children?: Node[];
}

/** A job summary as GitHub shows it. */
interface Rendered {
  heading: string;
  rows: [head: string, text: string][];
  /** Text and address. */
  links: [text: string, url: string][];
}

export const parseMarkdown = (text: string): Node =>
  fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });

export const nodes = (node: Node): Node[] => [node, ...(node.children ?? []).flatMap(nodes)];

export const textOf = ({ value, children = [] }: Node): string => value ?? children.map(textOf).join('');

const CONSOLE = /^https:\/\/ecs\.console\.aliyun\.com\/image\/region\/[a-z0-9-]+\/imageList$/;

/** Parses a summary and checks its form: a heading and a table of two columns, fewer than twenty lines, nothing else. */
export function rendered(summary: string): Rendered {
  expect(summary.trimEnd().split('\n').length, summary).toBeLessThan(20);
  const tree = parseMarkdown(summary);
  const [heading, table, ...more] = tree.children ?? [];
  expect([heading?.type, heading?.depth, table?.type, more], summary).toEqual(['heading', 3, 'table', []]);
  const all = nodes(tree);
  const known = ['root', 'heading', 'table', 'tableRow', 'tableCell', 'text', 'inlineCode', 'link'];
  expect(known, summary).toEqual(expect.arrayContaining(all.map(({ type }) => type)));
  // GitHub turns these into links, except in code.
  for (const { type, value } of all) if (type === 'text') expect(value).not.toMatch(/[@#\\<>]|\/\/|www\.|GH-\d/i);
  const links = all.filter(({ type }) => type === 'link');
  for (const { url, children } of links) {
    expect(url).toMatch(CONSOLE);
    expect(children?.every(({ type }) => type === 'inlineCode')).toBe(true);
  }
  const rows = (table?.children ?? []).map(({ children = [] }) => children.map(textOf));
  for (const row of rows) expect(row, summary).toHaveLength(2);
  return {
    heading: heading === undefined ? '' : textOf(heading),
    rows: rows.map(([head = '', text = '']) => [head, text]),
    links: links.map((link) => [textOf(link), link.url ?? '']),
  };
}
