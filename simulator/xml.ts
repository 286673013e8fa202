/** XML as OSS writes it. An array repeats its element; undefined omits it. */
export interface Node {
  [name: string]: Value;
}
type Value = string | number | boolean | undefined | Node | Value[];

function escape(text: string): string {
  return text.replace(/[&<>"\u0000-\u0008\u000b\u000c\u000e-\u001f\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function element(name: string, value: Value): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((one) => element(name, one)).join('');
  return `<${name}>${typeof value === 'object' ? elements(value) : escape(String(value))}</${name}>`;
}

function elements(node: Node): string {
  return Object.entries(node)
    .map(([name, value]) => element(name, value))
    .join('');
}

export function xml(root: string, node: Node): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, node)}`;
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(#x?)?([0-9a-zA-Z]+);/g, (all, number: string | undefined, name: string) =>
    number ? String.fromCodePoint(parseInt(name, number === '#x' ? 16 : 10)) : (ENTITIES[name] ?? all),
  );
}

/** The text in each element of that name. This is enough for the few documents that OSS accepts. */
export function inside(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g'))].map((hit) =>
    unescape((hit[1] ?? '').trim()),
  );
}
