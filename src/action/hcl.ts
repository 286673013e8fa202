const STRING = String.raw`"(?:[^"\\\n]|\\.)*"`;
const HEREDOC = String.raw`<<-?(\w+)[^\S\n]*\n[^]*?^[^\S\n]*\2$`;
const SKIPPED = String.raw`[^\S\n]+|(?:#|//).*|/\*[^]*?\*/`;
/** A string, heredoc, mark or bare word of HCL or JSON as the first group; or spaces or a comment, without the group. */
const TOKEN = new RegExp(String.raw`${SKIPPED}|(${STRING}|${HEREDOC}|[[\]{},=:"\n]|[^\s[\]{},=:"]+)`, 'gm');
const VALUE = /^(?:"..*|<<-?\w+\n.*|[^[\]{},=:"].*)$/s;

/**
 * The items of a list such as `["cn-shanghai", "cn-beijing"]`, each as it is written. Brackets are optional if all items
 * are quoted. Undefined if the text is no such list.
 */
export function readList(text: string): string[] | undefined {
  const { isBracketed, entries } = read(text, '[', ']');
  const items = entries.map(([item = '']) => item);
  const isList = entries.every(({ length }) => length === 1) && items.every((item) => VALUE.test(item));
  return isList && (isBracketed || items.every(isQuoted)) ? items : undefined;
}

/**
 * The pairs of a map such as `{ team = "platform" }` or `{"team": "platform"}`, each as it is written. Braces are optional
 * if a value is quoted; `a=b,c=d` is one pair in the plain form. Undefined if the text is no such map.
 */
export function readPairs(text: string): [key: string, value: string][] | undefined {
  const { isBracketed, entries } = read(text, '{', '}');
  const pairs = entries.map(([key = '', , value = '']): [string, string] => [key, value]);
  const isMap = entries.every(
    ([key = '', sign = '', value = '', ...more]) =>
      VALUE.test(key) && /^[=:]$/.test(sign) && VALUE.test(value) && more.length === 0,
  );
  return isMap && (isBracketed || pairs.some(([, value]) => isQuoted(value))) ? pairs : undefined;
}

/** The text of one string or heredoc, whatever comments are beside it; any other text as it is. */
export function literal(text: string): string {
  const [token = '', ...more] = tokens(text).filter((one) => one !== '\n');
  if (more.length > 0 || !VALUE.test(token) || !isQuoted(token)) return text;
  if (token.startsWith('<<')) return heredoc(token);
  try {
    return String(JSON.parse(token));
  } catch {
    return token.slice(1, -1);
  }
}

const isQuoted = (token: string): boolean => /^"|^<</.test(token);

/** The lines between the marks; `<<-` takes away the indentation that they share. */
function heredoc(token: string): string {
  const lines = token.split('\n').slice(1, -1);
  const indent = token.startsWith('<<-') ? Math.min(...lines.map((line) => line.search(/\S|$/))) : 0;
  return lines.map((line) => line.slice(indent)).join('\n');
}

const tokens = (text: string): string[] => [...text.matchAll(TOKEN)].flatMap(([, token]) => token ?? []);

/** The tokens between commas and line ends, without the brackets around all of them. */
function read(text: string, open: string, close: string): { isBracketed: boolean; entries: string[][] } {
  const all = tokens(text);
  const visible = all.filter((token) => token !== '\n');
  const isBracketed = visible[0] === open && visible.at(-1) === close;
  const entries: string[][] = [[]];
  for (const token of isBracketed ? all.slice(all.indexOf(open) + 1, all.lastIndexOf(close)) : all) {
    if (token === ',' || token === '\n') entries.push([]);
    else entries.at(-1)?.push(token);
  }
  return { isBracketed, entries: entries.filter(({ length }) => length > 0) };
}
