import { summary } from '@actions/core';
import type { DiskImage } from '../disk/disk.ts';
import { rounded } from '../disk/text.ts';
import { bootModeText } from '../run/content.ts';
import type { ImportRequest } from '../run/request.ts';
import type { Outcome } from '../run/run.ts';

/** What the summary shows. */
export interface Report {
  request: ImportRequest;
  disks: DiskImage[];
  outcome: Outcome;
  /** What went wrong, one line each. */
  failures: string[];
}

/** Head and Markdown of a row, which is left out if there is no text. */
type Row = [head: string, markdown: string | undefined];

/**
 * Writes the job summary: a heading and a table, fewer than twenty lines in all. Any text in it may be foreign.
 * @param safe - turns any text into one line without secrets and control characters
 */
export async function writeSummary(report: Report, safe: (text: string) => string): Promise<void> {
  const { request, outcome, failures } = report;
  const { images, wouldDo, notChecked, taskId, leftovers } = outcome;
  const isMade = images.length > 0;
  if (!isMade && wouldDo === undefined && failures.length === 0) return;
  const written: Markdown = { code: (text) => code(safe(text)), prose: (text) => prose(safe(text)) };
  const rows: Row[] = [
    // Name and region are empty if the input is missing or a template.
    [
      'Image',
      request.image.name && [request.image.name, request.region].map(written.code).filter(Boolean).join(' in '),
    ],
    ...(isMade ? facts(report, written) : []),
    ...atMost('Would', wouldDo ?? [], written, 10),
    ['Not checked', notChecked && written.prose(notChecked)],
    ...atMost('Failed', failures, written, isMade ? 3 : 10),
    ['Task', isMade ? undefined : taskId && written.code(taskId)],
    ['Staged object', stagedText(report, written)],
    ...atMost('Left behind', leftovers, written, 3),
  ];
  const [first = '', ...others] = rows.filter(([, markdown]) => markdown).map((row) => `| ${row.join(' | ')} |`);
  const lines = [`### ${heading(report, written)}`, '', first, '| --- | --- |', ...others];
  await summary.addRaw(`${lines.join('\n')}\n`).write();
}

/** The two ways to write foreign text. */
interface Markdown {
  code: (text: string) => string;
  prose: (text: string) => string;
}

function heading({ outcome, failures }: Report, written: Markdown): string {
  const [image] = outcome.images;
  if (image !== undefined) {
    const { id, region } = image;
    return `Imported ${link(id, region, written)}${failures.length > 0 ? ', but not everything was made' : ''}`;
  }
  return failures.length > 0 ? 'Not imported' : 'Dry run: nothing was changed';
}

/** Facts about the images that were made. */
function facts({ request, disks, outcome }: Report, written: Markdown): Row[] {
  const { image, distribution } = request;
  const { images, importMs, replaced } = outcome;
  const copies = images.slice(1).map((copy) => copyText(copy, image.name, written));
  return [
    ['System', written.prose(systemText(request, disks))],
    ['Disk', written.prose(disksText(disks, image.systemSize))],
    ['Uploaded', uploadText(outcome)],
    ['Import', duration(importMs)],
    ['Detection', images[0]?.detection && written.prose(images[0].detection)],
    ['Replaced', replaced && written.code(replaced)],
    ['Copies', copies.join(', ')],
    ['Shared with', distribution.accounts.map(written.code).join(', ')],
  ];
}

const systemText = (request: ImportRequest, disks: DiskImage[]): string => {
  const { osType, platform, architecture } = request.image;
  return [osType, platform, architecture, bootModeText(request, disks)].join(', ');
};

function disksText(disks: DiskImage[], systemSize: number | undefined): string {
  const form = ({ format, container }: DiskImage) => (container ? `${format} out of ${container.kind}` : format);
  const formats = [...new Set(disks.map(form))].join(', ');
  const count = disks.length > 1 ? `${disks.length} files, ` : '';
  const total = rounded(disks.reduce((sum, { size }) => sum + size, 0));
  return `${count}${formats}, ${total}${systemSize === undefined ? '' : `, system disk of ${systemSize} GiB`}`;
}

function uploadText({ staged }: Outcome): string | undefined {
  if (staged.length === 0) return undefined;
  const sum = (of: 'size' | 'ms' | 'sent' | 'zeros') => staged.reduce((all, one) => all + one[of], 0);
  const [size, ms, sent, zeros] = [sum('size'), sum('ms'), sum('sent'), sum('zeros')];
  const there = size - sent - zeros;
  const speed = `${(sent / 1024 ** 2 / Math.max(ms / 1000, 0.001)).toFixed(1)} MiB/s`;
  return [
    `${rounded(sent)} in ${duration(ms) ?? ''} (${speed})`,
    ...(zeros > 0 ? [`${rounded(zeros)} of zeros not sent`] : []),
    ...(there > 0 ? [`${rounded(there)} already there`] : []),
  ].join(', ');
}

function copyText({ id, region, name }: Outcome['images'][number], imageName: string, written: Markdown): string {
  const as = name === imageName ? '' : ` as ${written.code(name)}`;
  return `${link(id, region, written)} in ${written.code(region)}${as}`;
}

/** The staged object, if skip_clean keeps it. */
function stagedText({ request, outcome }: Report, { code }: Markdown): string | undefined {
  if (!request.skipClean || outcome.object === undefined || outcome.staged.length === 0) return undefined;
  return `${code(outcome.object)}, kept (${code('skip_clean')})`;
}

/** At most `most` rows of one kind; the log has all of them. */
function atMost(head: string, texts: string[], { prose }: Markdown, most: number): Row[] {
  const shown = texts.length > most ? texts.slice(0, most - 1) : texts;
  const rest = texts.length - shown.length;
  const more = rest > 0 ? `and ${rest} more, all of them in the log` : undefined;
  return [...shown.map((text): Row => [head, prose(text)]), [head, more]];
}

/** Links to the list of images: the console has no address for a single image. */
const link = (id: string, region: string, { code }: Markdown): string =>
  `[${code(id)}](<https://ecs.console.aliyun.com/image/region/${encodeURIComponent(region)}/imageList>)`;

/**
 * One line as a code span, in which GitHub interprets no Markdown and links no address, mention, issue or commit. Only "|"
 * would still end the cell of the table, so it becomes an entity between two spans.
 */
export function code(text: string): string {
  const span = (part: string): string => {
    const runs = part.match(/`+/g) ?? [];
    const fence = '`'.repeat(runs.reduce((most, { length }) => Math.max(most, length), 0) + 1);
    // Markdown strips one space from both ends, unless there are only spaces.
    const pad = /^[` ]|[` ]$/.test(part) && /[^ ]/.test(part) ? ' ' : '';
    return part === '' ? '' : fence + pad + part + pad + fence;
  };
  return text.split('|').map(span).join('&#124;');
}

const WORD = /^(["'(]*)(.*?)([)"'.,;:?]*)$/su;
const PLAIN = /^(?:\p{L}+(?:['-]\p{L}+)*|\d+(?:\.\d+)?)?$/u;

/** One line of text: plain words as they are, everything else as code spans. */
export function prose(text: string): string {
  const pieces: { before: string; core: string; after: string }[] = [];
  for (const word of text.split(' ')) {
    const [, before = '', core = word, after = ''] = WORD.exec(word) ?? [];
    const last = pieces.at(-1);
    // Words of one expression share a code span, so that it can be copied.
    const continues = last !== undefined && last.after + before === '' && !PLAIN.test(last.core) && !PLAIN.test(core);
    if (continues) Object.assign(last, { core: `${last.core} ${core}`, after });
    else pieces.push({ before, core, after });
  }
  return pieces.map(({ before, core, after }) => before + (PLAIN.test(core) ? core : code(core)) + after).join(' ');
}

/** Milliseconds as text. */
function duration(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
