import { summary } from '@actions/core';
import type { DiskImage } from '../disk/disk.ts';
import { bootModeText } from '../run/content.ts';
import type { ImportRequest } from '../run/request.ts';
import type { Outcome } from '../run/run.ts';

/** What the summary of a run is made of. */
export interface Report {
  request: ImportRequest;
  disks: DiskImage[];
  outcome: Outcome;
  /** What went wrong, one line each. */
  failures: string[];
}

type Row = [head: string, markdown: string];

/**
 * Writes the job summary: one heading and one table, of less than twenty lines. Everything in it may be foreign text.
 * @param safe - makes any text one line without secrets and control characters
 */
export async function writeSummary(report: Report, safe: (text: string) => string): Promise<void> {
  const { request, outcome, failures } = report;
  const [image] = outcome.images;
  if (image === undefined && outcome.wouldDo === undefined && failures.length === 0) return;
  const written: Markdown = { code: (text) => code(safe(text)), prose: (text) => prose(safe(text)) };
  const rows: Row[] = [
    ['Image', `${written.code(request.image.name)} in ${written.code(request.region)}`],
    ...(image === undefined ? [] : facts(report, written)),
    ...atMost('Would', outcome.wouldDo ?? [], written, 10),
    ...atMost('Failed', failures, written, image === undefined ? 10 : 3),
    ...(image === undefined && outcome.taskId ? [['Task', written.code(outcome.taskId)] satisfies Row] : []),
    ...staged(report, written),
    ...atMost('Left behind', outcome.leftovers, written, 3),
  ];
  const [first = '', ...others] = rows.map(([head, markdown]) => `| ${head} | ${markdown} |`);
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

/** What there is to know of images that were made. */
function facts({ request, disks, outcome }: Report, written: Markdown): Row[] {
  const { image, distribution } = request;
  const { images, times, replaced } = outcome;
  const rows: [string, string | undefined][] = [
    ['System', written.prose(systemText(request, disks))],
    ['Disk', written.prose(disksText(disks, image.systemSize))],
    ['Uploaded', uploadText(outcome)],
    ['Import', duration(times.import)],
    ['Detection', images[0]?.detection && written.prose(images[0].detection)],
    ['Replaced', replaced && written.code(replaced)],
    [
      'Copies',
      images
        .slice(1)
        .map((copy) => copyText(copy, image.name, written))
        .join(', '),
    ],
    ['Shared with', distribution.accounts.map(written.code).join(', ')],
  ];
  return rows.filter((row): row is Row => row[1] !== undefined && row[1] !== '');
}

const systemText = (request: ImportRequest, disks: DiskImage[]): string => {
  const { osType, platform, architecture } = request.image;
  return [osType, platform, architecture, bootModeText(request, disks)].join(', ');
};

function disksText(disks: DiskImage[], systemSize: number | undefined): string {
  const form = ({ format, container }: DiskImage) => (container ? `${format} out of ${container.kind}` : format);
  const formats = [...new Set(disks.map(form))].join(', ');
  const count = disks.length > 1 ? `${disks.length} files, ` : '';
  const total = readable(disks.reduce((sum, { size }) => sum + size, 0));
  return `${count}${formats}, ${total}${systemSize === undefined ? '' : `, system disk of ${systemSize} GiB`}`;
}

function uploadText({ staged, times }: Outcome): string | undefined {
  if (staged.length === 0 || times.upload === undefined) return undefined;
  const sum = (of: 'size' | 'sent' | 'zeros') => staged.reduce((all, one) => all + one[of], 0);
  const [size, sent, zeros] = [sum('size'), sum('sent'), sum('zeros')];
  const there = size - sent - zeros;
  const speed = `${(sent / 1024 ** 2 / Math.max(times.upload / 1000, 0.001)).toFixed(1)} MiB/s`;
  return [
    `${readable(sent)} in ${duration(times.upload) ?? ''} (${speed})`,
    ...(zeros > 0 ? [`${readable(zeros)} of zeros not sent`] : []),
    ...(there > 0 ? [`${readable(there)} there already`] : []),
  ].join(', ');
}

function copyText({ id, region, name }: Outcome['images'][number], imageName: string, written: Markdown): string {
  const as = name === imageName ? '' : ` as ${written.code(name)}`;
  return `${link(id, region, written)} in ${written.code(region)}${as}`;
}

/** The staging copy, where it was asked to stay. */
function staged({ request, outcome }: Report, { code }: Markdown): Row[] {
  if (!request.skipClean || outcome.object === undefined || outcome.staged.length === 0) return [];
  return [['Staged object', `${code(outcome.object)}, kept (${code('skip_clean')})`]];
}

/** Rows of one kind, no more than `most`; the log has them all. */
function atMost(head: string, texts: string[], { prose }: Markdown, most: number): Row[] {
  const shown = texts.length > most ? texts.slice(0, most - 1) : texts;
  const rest = texts.length - shown.length;
  return [
    ...shown.map((text): Row => [head, prose(text)]),
    ...(rest > 0 ? [[head, `and ${rest} more, all of them in the log`] satisfies Row] : []),
  ];
}

/** To the list of images in the console, which has no address for one of them. */
const link = (id: string, region: string, { code }: Markdown): string =>
  `[${code(id)}](<https://ecs.console.aliyun.com/image/region/${encodeURIComponent(region)}/imageList>)`;

/**
 * One line as a code span, where no character means anything and GitHub links no address, mention, issue or commit. Only
 * "|" ends the cell of a table even there, and stands between two spans as an entity.
 */
export function code(text: string): string {
  const span = (part: string): string => {
    const runs = part.match(/`+/g) ?? [];
    const fence = '`'.repeat(runs.reduce((most, { length }) => Math.max(most, length), 0) + 1);
    // One space at both ends is taken off again, unless there is nothing else.
    const pad = /^[` ]|[` ]$/.test(part) && /[^ ]/.test(part) ? ' ' : '';
    return part === '' ? '' : fence + pad + part + pad + fence;
  };
  return text.split('|').map(span).join('&#124;');
}

const WORD = /^(["'(]*)(.*?)([)"'.,;:?]*)$/su;
const PLAIN = /^(?:\p{L}+(?:['-]\p{L}+)*|\d+(?:\.\d+)?)?$/u;

/** One line of sentences: plain words as they are, everything else as code. */
export function prose(text: string): string {
  return text
    .split(' ')
    .map((word) => {
      const [, before = '', core = word, after = ''] = WORD.exec(word) ?? [];
      return PLAIN.test(core) ? word : before + code(core) + after;
    })
    .join(' ');
}

/** Bytes for a person. */
const readable = (bytes: number): string =>
  bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${(bytes / 1024 ** 3).toFixed(1)} GiB`;

/** Milliseconds for a person. */
function duration(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
