/** The only advice when data is missing or damaged. */
export const AGAIN = 'Build, copy or download it again.';

// Control and format characters, including bidirectional overrides, line and paragraph separators, and lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Untrusted text as one printable line. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);

/** Untrusted text as one printable line of about 200 characters at most. */
export function oneLine(text: string): string {
  const line = printable(text);
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

const LISTED = 10;

/** At most ten names, for messages. */
export function listed(names: string[]): string {
  const shown = names.slice(0, LISTED).map(oneLine).join(', ') || 'nothing';
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}

/** Any file name as one printable word of a bash command line. */
export function shellQuote(path: string): string {
  const name = path.startsWith('-') ? `./${path}` : path;
  if (/^[\w@%+=,./-]+$/.test(name)) return name;
  if (name.search(UNPRINTABLE) < 0) return `'${name.replaceAll("'", String.raw`'\''`)}'`;
  const bytes = (c: string) => [...Buffer.from(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return `$'${name.replace(/[\\']/g, String.raw`\$&`).replace(UNPRINTABLE, bytes)}'`;
}

/** A number of bytes for messages: exact, and from 1 MiB on also rounded. Infinity comes from `u64be`. */
export function bytes(count: number): string {
  if (count === Infinity) return 'more than 8 PiB';
  return count < 1024 ** 2 ? `${count} bytes` : `${count} bytes (${rounded(count)})`;
}

/** A number of bytes in MiB or GiB. */
export const rounded = (count: number): string =>
  count < 1024 ** 3 ? `${(count / 1024 ** 2).toFixed(1)} MiB` : `${(count / 1024 ** 3).toFixed(1)} GiB`;
