import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { Clock } from '../../simulator/clock.ts';

const PRELOAD = import.meta.resolve('./fast-time.ts');

/** A clock that stops, and whose files are deleted, when the test ends. */
async function openClock(speed: number, origin = Date.now()): Promise<Clock> {
  const folder = await mkdtemp(join(tmpdir(), 'a folder '));
  const clock = new Clock(origin, speed, join(folder, 'clock, or so'));
  onTestFinished(async () => {
    clock.close();
    await rm(folder, { recursive: true });
  });
  return clock;
}

/** Runs code in a process that follows a clock. @returns what it printed, including stderr */
async function live(code: string, env: Record<string, string>, preload = PRELOAD) {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
    env: { NODE_OPTIONS: `--import=${preload}`, ...env },
  });
  return stdout + stderr;
}

it('lets an hour pass in a moment, by every clock, timer and their ways to stop', async () => {
  const clock = await openClock(10_000);
  const printed = await live(
    `
    const clocks = () => [Date.now(), new Date().getTime(), Math.floor(performance.now()), Date.parse(Date())];
    const slack = [0, 0, 0, 1_000];
    const before = clocks();
    let ticks = 0;
    const interval = setInterval(() => { if (++ticks === 2) clearInterval(interval); }, 600_000);
    setTimeout(() => console.log('never'), 36_000_000).unref().ref().unref();
    clearTimeout(setTimeout(() => console.log('never'), 1_000));
    const kept = setTimeout((a, b) => {
      const passed = clocks().map((now, i) => now - before[i]);
      console.log(a, b, ticks, passed.every((ms, i) => ms >= 3_500_000 - slack[i] && Math.abs(ms - passed[0]) <= 1 + slack[i]));
    }, 1_800_000, 'a', 'b');
    setTimeout(() => console.log(kept.refresh() === kept, kept.hasRef()), 1_700_000);
    `,
    clock.env,
  );
  expect(printed).toBe('true true\na b 2 true\n');
});

it('reads the same time in all processes, whatever they are wrong by', async () => {
  const clock = await openClock(100);
  const code = 'setTimeout(() => console.log(Date.now()), 60_000)';
  const before = clock.now();
  const late = { FAST_TIME: `${clock.env.FAST_TIME ?? ''},-86400000` };
  const [one, two] = await Promise.all([live(code, clock.env), live(code, late)]);
  for (const read of [Number(one), Number(two) + 86_400_000]) {
    expect(read).toBeGreaterThanOrEqual(before + 60_000);
    expect(read).toBeLessThanOrEqual(clock.now());
  }
});

it('waits for a process that is busy, and for none that has ended', async () => {
  const clock = await openClock(1_000);
  const printed = await live(
    `
    const before = Date.now();
    setTimeout(() => console.log('timer', Date.now() - before < 30_000), 5_000);
    for (const end = process.hrtime.bigint() + 300_000_000n; process.hrtime.bigint() < end; );
    `,
    clock.env,
  );
  expect(printed).toBe('timer true\n');
  await clock.sleep(60_000);
});

it('leaves the rest of Date and setTimeout as it was', async () => {
  const clock = await openClock(1_000);
  const printed = await live(
    `
    import { promisify } from 'node:util';
    class Later extends Date {}
    console.log(
      new Date(5).getTime(), new Date(2026, 0).getFullYear(), Date.UTC(1970, 0, 2), new Date() instanceof Date,
      new Date().constructor === Date, new Later() instanceof Later, new Later().getTime() >= Date.now() - 1e6,
      Object.prototype.toString.call(new Date()), structuredClone(new Date(7)).getTime(), await promisify(setTimeout)(1, 'ok'),
    );
    `,
    clock.env,
  );
  expect(printed).toBe('5 2026 86400000 true true true true [object Date] 7 ok\n');
});

it('refuses a FAST_TIME that makes no sense', async () => {
  await expect(live('', { FAST_TIME: '0,/tmp' })).rejects.toThrow('FAST_TIME must be');
});

it('loads from a folder with spaces', async () => {
  const clock = await openClock(1_000, 2.1e12);
  const folder = await mkdtemp(join(tmpdir(), 'a folder '));
  try {
    const copy = join(folder, 'fast-time.ts');
    await copyFile(fileURLToPath(PRELOAD), copy);
    expect(await live('console.log(Date.now() > 2e12)', clock.env, pathToFileURL(copy).href)).toBe('true\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
