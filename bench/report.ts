/** Formats the measurements as tables. */
import type { Line } from './flow.ts';
import { nonZeroBytes } from './image.ts';
import type { Result } from './lab.ts';
import { RSS, type Rival, STALL, type Scenario } from './scenarios.ts';

/** One round: our result, and the results of the rivals in the order of the scenario. */
export interface Round {
  ours: Result;
  theirs: Result[];
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (low + high) / 2;
}

/** `median (minimum-maximum)`. */
function spread(values: number[], digits: number): string {
  const text = (value: number): string => value.toFixed(digits);
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}

const row = (cells: string[]): string => `| ${cells.join(' | ')} |`;
const verdict = (value: number, bound: number): string => (value <= bound ? 'yes' : '**no**');

function figures(results: Result[], factor: number): string[] {
  const of = (pick: (result: Result) => number): number => median(results.map(pick));
  return [
    (of(({ wall }) => wall) * factor).toFixed(1),
    (of(({ cpu }) => cpu) * factor).toFixed(2),
    of(({ rss }) => rss).toFixed(0),
    of(({ stall }) => stall).toFixed(0),
    (of(({ sink }) => sink.wireBytes / 1e6) * factor).toFixed(1),
    (of(({ sink }) => sink.requests) * factor).toFixed(0),
  ];
}

/** Our figure divided by that of a rival, for each round. */
function ratios(rounds: Round[], index: number, factor: number, of: (result: Result) => number): number[] {
  return rounds.map(({ ours, theirs }) => of(ours) / (of(theirs[index] ?? ours) * factor));
}

function against(values: number[], goal: number | undefined): string {
  const text = spread(values, 3);
  return goal === undefined ? text : `${text}, goal ${goal.toFixed(3)}: ${verdict(median(values), goal)}`;
}

function rivalRow(scenario: Scenario, rounds: Round[], rival: Rival, index: number): string {
  const factor = rival.prefix === undefined ? 1 : scenario.image.size / rival.prefix;
  const results = rounds.flatMap(({ theirs }) => theirs[index] ?? []);
  const scaled = rival.prefix === undefined ? '' : ` (first ${rival.prefix / 2 ** 20} MiB, x ${factor})`;
  return row([
    rival.baseline + scaled,
    ...figures(results, factor),
    against(
      ratios(rounds, index, factor, ({ wall }) => wall),
      rival.wall,
    ),
    against(
      ratios(rounds, index, factor, ({ cpu }) => cpu),
      rival.cpu,
    ),
  ]);
}

/** The table of one scenario: a row per client. */
export function table(scenario: Scenario, rounds: Round[]): string {
  const head = [
    'client',
    'wall s',
    'CPU s',
    'RSS MiB',
    'stall ms',
    'wire MB',
    'requests',
    'ours/this wall',
    'ours/this CPU',
  ];
  const ours = rounds.map((round) => round.ours);
  return [
    `### ${scenario.name}: ${scenario.title}`,
    '',
    row(head),
    row(head.map(() => '---')),
    row(['**ours**', ...figures(ours, 1), '', '']),
    ...scenario.rivals.map((rival, index) => rivalRow(scenario, rounds, rival, index)),
    '',
  ].join('\n');
}

/** The seconds that a line needs for these bytes. A drop must end before they are sent. */
function travelTime(bytes: number, { link, drop }: Line): number {
  if (drop === undefined) return bytes / link;
  const seconds = (drop.until - drop.from) / 1000;
  return seconds + (bytes - drop.link * seconds) / link;
}

/** A row for each absolute bound on our client. Memory counts by its maximum, the rest by its median. */
export function firmRows({ name, image, line, firm }: Scenario, rounds: Round[]): string[] {
  const ours = rounds.map((round) => round.ours);
  const mustTravel = nonZeroBytes(image);
  const rows: string[] = [];
  const add = (what: string, values: number[], bound: number, judged = median(values), digits = 3): void => {
    rows.push(row([name, what, spread(values, digits), String(bound), verdict(judged, bound)]));
  };
  if (firm.ofIdeal !== undefined && line !== undefined) {
    const ideal = travelTime(mustTravel, line) + (10 * line.rtt) / 1000;
    const walls = ours.map(({ wall }) => wall / ideal);
    add(`wall / (${(mustTravel / 1e6).toFixed(0)} MB / link + 10 RTT = ${ideal.toFixed(1)} s)`, walls, firm.ofIdeal);
  }
  if (firm.wire !== undefined) {
    const wires = ours.map(({ sink }) => sink.wireBytes / mustTravel);
    add(`bytes over TCP / ${(mustTravel / 1e6).toFixed(0)} MB that are not zeros`, wires, firm.wire, median(wires), 4);
  }
  if (firm.firstByte !== undefined) {
    add(
      's from process start to first byte of content',
      ours.map(({ firstByte }) => firstByte),
      firm.firstByte,
    );
  }
  const rss = ours.map((result) => result.rss);
  add('peak RSS, MiB', rss, RSS, Math.max(...rss), 0);
  const stalls = ours.map(({ stall }) => stall);
  add('longest event-loop delay, ms', stalls, STALL, median(stalls), 0);
  return rows;
}

export function firmTable(rows: string[]): string {
  const head = ['scenario', 'value', 'median (least-most)', 'bound', 'held'];
  return ['### Bounds', '', row(head), row(head.map(() => '---')), ...rows, ''].join('\n');
}
