/**
 * The benchmark: `npm run bench -- [--rounds 3] [--only far-image,lossy] [--images <folder>]`, and
 * `npm run bench -- --check-line` to check the emulated line only.
 * Each round runs our client and each rival once, one after another, each in a process of its own, so that a busy machine
 * affects all of them. Ratios are taken per round. Progress is printed to stderr, the tables to stdout as Markdown.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { type ImageSettings, writeImage } from './image.ts';
import { type Lab, openLab, type Result } from './lab.ts';
import { firmRows, firmTable, type Round, table } from './report.ts';
import { type Rival, type Scenario, SCENARIOS } from './scenarios.ts';
import { checkLine } from './wan-check.ts';

const OURS = new URL('./ours.ts', import.meta.url).pathname;
const NCC = new URL('../node_modules/.bin/ncc', import.meta.url).pathname;
const BASELINE = new URL('./baseline.ts', import.meta.url).pathname;

/** Bundles our client into one file, as the action is. */
function bundle(folder: string): string {
  const out = join(folder, 'bundle');
  execFileSync(NCC, ['build', OURS, '-o', out, '--no-cache', '--quiet']);
  return join(out, 'index.js');
}

/** Returns the image in the folder, and builds it first if it does not exist. */
async function imageFile(folder: string, settings: ImageSettings): Promise<string> {
  const { size, share, seed, allocated = false } = settings;
  const name = `${size / 2 ** 20}MiB-${share * 100}pc-seed${seed}${allocated ? '-allocated' : ''}.raw`;
  const path = join(folder, name);
  if (!existsSync(path)) {
    console.error(`building ${path}`);
    await writeImage(path, settings);
  }
  return path;
}

async function rivalFile(image: string, { prefix }: Rival): Promise<string> {
  if (prefix === undefined) return image;
  const path = `${image}-first${prefix / 2 ** 20}MiB`;
  if (!existsSync(path)) await pipeline(createReadStream(image, { end: prefix - 1 }), createWriteStream(path));
  return path;
}

async function measure(lab: Lab, label: string, client: string[]): Promise<Result> {
  const result = await lab.run(client);
  const { wall, cpu, rss, stall, sink } = result;
  const numbers = `${wall.toFixed(2)} s, CPU ${cpu.toFixed(2)} s, ${rss.toFixed(0)} MiB, stall ${stall.toFixed(0)} ms`;
  console.error(`${label}: ${numbers}, ${(sink.wireBytes / 1e6).toFixed(1)} MB, ${JSON.stringify(sink.operations)}`);
  return result;
}

async function runScenario(scenario: Scenario, client: string, rounds: number, folder: string): Promise<Round[]> {
  const image = await imageFile(folder, scenario.image);
  const lab = await openLab({ serverMs: scenario.serverMs }, scenario.line);
  const done: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const label = `${scenario.name} ${round}/${rounds}`;
    const ours = await measure(lab, `${label} ours`, [client, image]);
    const theirs: Result[] = [];
    for (const rival of scenario.rivals) {
      const file = await rivalFile(image, rival);
      theirs.push(await measure(lab, `${label} ${rival.baseline}`, [BASELINE, rival.baseline, file]));
    }
    done.push({ ours, theirs });
  }
  lab.close();
  return done;
}

function machine(rounds: number): string {
  const [cpu] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  const load = loadavg()[0]?.toFixed(1) ?? '';
  const runs = `${rounds} rounds, medians (least-most) of per-round ratios`;
  return `${date}, ${cpus().length} x ${cpu?.model ?? 'unknown CPU'}, Node ${process.version}, load ${load} before; ${runs}.\n`;
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    'check-line': { type: 'boolean', default: false },
    images: { type: 'string', default: join(tmpdir(), 'alicloud-import-bench') },
  },
});
if (options['check-line']) process.exit((await checkLine()) ? 0 : 1);
const rounds = Number(options.rounds);
const client = bundle(options.images);
const wanted = options.only?.split(',');
const firm: string[] = [];
console.log(machine(rounds));
for (const scenario of SCENARIOS) {
  if (wanted !== undefined && !wanted.includes(scenario.name)) continue;
  const results = await runScenario(scenario, client, rounds, options.images);
  console.log(table(scenario, results));
  firm.push(...firmRows(scenario, results));
}
console.log(firmTable(firm));
