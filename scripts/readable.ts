/** Text for the terminal from what GitHub renders on its pages. */

/** A number of bytes as text. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}

/** A line of the log without the markers for groups and colours. */
export function readableLine(line: string): string[] {
  const [, mark = '', text = line] = /^##\[(\w+)\](.*)$/s.exec(line) ?? [];
  if (mark === 'endgroup') return [];
  if (mark === 'group') return ['', text];
  if (['error', 'warning', 'notice', 'debug'].includes(mark)) return [`${mark}: ${text}`];
  return [line];
}

/** A job summary as plain text, with tables in columns. */
export function readableSummary(summary: string): string {
  const rows = summary
    .trim()
    .split('\n')
    .filter((line) => line !== '' && !/^[|\s-]+$/.test(line))
    .map((line) =>
      line
        .replace(/^#+ |^\| | \|$/g, '')
        .replace(/\[([^\]]*)\]\(<([^>]*)>\)/g, '$1 ($2)')
        .replaceAll('`', '')
        .split(' | ')
        .map((cell) => cell.replaceAll('&#124;', '|')),
    );
  const width = Math.max(...rows.map(([head = '', ...cells]) => (cells.length > 0 ? head.length : 0)));
  return rows.map(([head = '', ...cells]) => [head.padEnd(width), ...cells].join('  ').trimEnd()).join('\n');
}
