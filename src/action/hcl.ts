const QUOTED = String.raw`"(?:[^"\\\n]|\\.)*"`;
const BARE = String.raw`[\w.+-]+`;
const PAIR = String.raw`(${QUOTED}|[^\s"=:,{}]+)\s*`;
/** As in a block of Packer; JSON writes a colon. Without braces only quoted values: `a=b,c=d` is one tag of the plain form. */
const IN_BRACES = new RegExp(`${PAIR}[=:]\\s*(${QUOTED}|${BARE})`, 'g');
const IN_LINES = new RegExp(`${PAIR}=\\s*(${QUOTED})`, 'g');
const ITEM = new RegExp(`${QUOTED}|${BARE}`, 'g');

/** The items of a list of HCL or JSON, such as `["cn-shanghai", "cn-beijing"]`; undefined when the text is none. */
export function readList(text: string): string[] | undefined {
  const inside = /^\[(.*)\]$/s.exec(text)?.[1];
  return inside === undefined ? undefined : matches(inside, ITEM)?.map(([item]) => unquote(item));
}

/** The pairs of an object of HCL or JSON, or of its lines without the braces; undefined when the text is none. */
export function readPairs(text: string): [key: string, value: string][] | undefined {
  const inside = /^\{(.*)\}$/s.exec(text)?.[1];
  const found = inside === undefined ? matches(text, IN_LINES) : matches(inside, IN_BRACES);
  return found?.map(([, key = '', value = '']) => [unquote(key), unquote(value)]);
}

/** The string in quotation marks, or the text itself where it has none. */
export function unquote(text: string): string {
  if (!/^"[^]*"$/.test(text)) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}

/** All of one kind, provided that between them there is nothing but commas, line ends and comments. */
function matches(text: string, kind: RegExp): RegExpExecArray[] | undefined {
  const plain = text.replace(/^\s*(#|\/\/).*$/gm, '');
  const between = plain.split(new RegExp(kind.source.replace(/\((?!\?)/g, '(?:'), 'g'));
  const separated = between.slice(1, -1).every((gap) => /^(\s*,\s*|[ \t]*\n\s*)$/.test(gap));
  const ends = /^\s*$/.test(between[0] ?? '') && /^\s*,?\s*$/.test(between.at(-1) ?? '');
  return separated && ends ? [...plain.matchAll(kind)] : undefined;
}
