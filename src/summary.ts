import { summary } from '@actions/core';
import type { ImportRequest } from './inputs.ts';
import type { Outcome } from './main.ts';

/** Writes the job summary of a run that made an image: one heading, one table. Values are foreign text and are escaped. */
export async function writeSummary(
  request: ImportRequest,
  outcome: Outcome,
  safe: (text: string) => string,
): Promise<void> {
  const { images, staged, times, object, replaced, leftovers, rehearsal } = outcome;
  const [image] = images;
  if (image === undefined && rehearsal === undefined) return;
  const { region, skipClean, distribution } = request;
  const total = staged.reduce((sum, { size }) => sum + size, 0);
  const sent = staged.reduce((sum, one) => sum + one.sent, 0);
  const { name, osType, platform, architecture } = request.image;
  const rows: [string, string | undefined][] = [
    ['Name', name],
    ['Region', region],
    ['System', `${osType}, ${platform}, ${architecture}`],
    [
      'Uploaded',
      total > 0 ? `${readable(total)}, of which ${readable(sent)} travelled, in ${duration(times.upload)}` : undefined,
    ],
    ['Import', duration(times.import)],
    ['Detection', image?.detection],
    ['Staged object', staged.length > 0 && object ? `${object} (${skipClean ? 'kept' : 'deleted'})` : undefined],
    ['Replaced', replaced],
    ...images.slice(1).map((copy): [string, string] => [`Copy in ${copy.region}`, `${copy.id} (${copy.name})`]),
    ['Shared with', distribution.accounts.join(', ') || undefined],
    ...(rehearsal ?? []).map((line): [string, string] => ['Would', line]),
    ...leftovers.map((text): [string, string] => ['Left behind', text]),
  ];
  const cells = rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([head, text]) => [{ data: head, header: true }, escape(safe(text))]);
  await summary
    .addHeading(image === undefined ? 'Dry run: nothing was changed' : `Imported ${escape(safe(image.id))}`, 3)
    .addTable(cells)
    .write();
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

/** Bytes for a person. */
const readable = (bytes: number): string =>
  bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

/** Milliseconds for a person. */
function duration(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
