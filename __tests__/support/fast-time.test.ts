import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const PRELOAD = import.meta.resolve('./fast-time.ts');

/** Runs code in a process whose time is scaled; answers what it printed, stderr included, and its real milliseconds. */
async function live(code: string, speed: number, origin = Date.now(), preload = PRELOAD) {
  const started = performance.now();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    env: { NODE_OPTIONS: `--import=${preload}`, FAST_TIME: `${speed},${origin}` },
  });
  return { printed: stdout + stderr, ms: performance.now() - started };
}

it('lets an hour pass in a moment, by every clock, timer and their ways to stop', async () => {
  const { printed, ms } = await live(
    `
    const clocks = () => [Date.now(), new Date().getTime(), Date.parse(Date()), performance.now()];
    const before = clocks();
    const realBefore = process.hrtime.bigint();
    let ticks = 0;
    const interval = setInterval(() => { if (++ticks === 2) clearInterval(interval); }, 600_000);
    setTimeout(() => console.log('never'), 36_000_000).unref().ref().unref();
    clearTimeout(setTimeout(() => console.log('never'), 1_000));
    const kept = setTimeout((a, b) => {
      const real = Number(process.hrtime.bigint() - realBefore) / 1e6;
      console.log(a, b, ticks, clocks().map((now, i) => ((now - before[i]) / real / 10_000).toFixed(1)).join());
    }, 1_800_000, 'a', 'b');
    setTimeout(() => console.log(kept.refresh() === kept, kept.hasRef()), 1_700_000);
    `,
    10_000,
  );
  expect(printed).toBe('true true\na b 2 1.0,1.0,1.0,1.0\n');
  expect(ms).toBeLessThan(10_000);
});

it('reads the same time in two processes of the same FAST_TIME', async () => {
  const origin = Date.now() - 1_000;
  const code = 'console.log(Date.now())';
  const [one, two] = await Promise.all([live(code, 100, origin), live(code, 100, origin)]);
  const after = origin + (Date.now() - origin) * 100;
  for (const { printed } of [one, two]) {
    expect(Number(printed)).toBeGreaterThan(origin + 100_000);
    expect(Number(printed)).toBeLessThanOrEqual(after);
  }
});

it('leaves the rest of Date and setTimeout as it was', async () => {
  const { printed } = await live(
    `
    import { promisify } from 'node:util';
    class Later extends Date {}
    console.log(
      new Date(5).getTime(), new Date(2026, 0).getFullYear(), Date.UTC(1970, 0, 2), new Date() instanceof Date,
      new Date().constructor === Date, new Later() instanceof Later, new Later().getTime() >= Date.now() - 1e6,
      Object.prototype.toString.call(new Date()), structuredClone(new Date(7)).getTime(), await promisify(setTimeout)(1, 'ok'),
    );
    `,
    1_000,
  );
  expect(printed).toBe('5 2026 86400000 true true true true [object Date] 7 ok\n');
});

it('refuses a FAST_TIME that makes no sense', async () => {
  await expect(live('', 0)).rejects.toThrow('FAST_TIME must be');
});

it('loads from a folder with spaces', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'a folder '));
  try {
    const copy = join(folder, 'fast-time.ts');
    await copyFile(fileURLToPath(PRELOAD), copy);
    const { printed } = await live('console.log(Date.now() > 2e12)', 1_000, 0, pathToFileURL(copy).href);
    expect(printed).toBe('true\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
