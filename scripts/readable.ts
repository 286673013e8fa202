/** What the demo prints of things that GitHub renders. */

/** Bytes in words. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}

/** A line of the log, without the marks that the page turns into folds and colours. */
export function readableLine(line: string): string[] {
  const [, mark = '', text = line] = /^##\[(\w+)\](.*)$/s.exec(line) ?? [];
  if (mark === 'endgroup') return [];
  if (mark === 'group') return ['', text];
  if (['error', 'warning', 'notice', 'debug'].includes(mark)) return [`${mark}: ${text}`];
  return [line];
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };

/** A job summary of headings and tables, in HTML, as plain text: tags and entities resolved, tables in columns. */
export function readableSummary(summary: string): string {
  const lines = summary
    .replace(/<t[hd][^>]*>/g, '|')
    .replace(/<\/(?:h\d|p|li|tr|table)>|<br>/g, '\n')
    .replace(/<\/?\w[^>]*>/g, '')
    .replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
    .trim()
    .split('\n');
  return columns(lines).join('\n');
}

/** Lays rows out, `|` before each cell, in columns of one width. */
function columns(lines: string[]): string[] {
  const rows = lines.map((line) => line.split('|'));
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows.map(([text = '', ...cells]) =>
    [text, ...cells.map((cell, at) => cell.padEnd(width(at + 1) + 2))].join('').trimEnd(),
  );
}
