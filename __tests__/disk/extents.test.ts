import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { dataExtents } from '../../src/disk/extents.ts';
import { openDisk } from '../../src/disk/inspect.ts';
import { GiB, has, MiB, scratch, sh, write } from './build.ts';

const linux = process.platform === 'linux';
const python = linux && has('python3') ? sh('/', 'command -v python3').trim() : undefined;
const data = Buffer.alloc(MiB, 7);

async function extents(path: string, tool?: string) {
  const disk = await openDisk(path, 'RAW', false);
  try {
    return await dataExtents(disk, tool);
  } finally {
    await disk.handle.close();
  }
}

/** A script in place of Python. */
function fake(script: string): string {
  const path = join(scratch(), 'python3');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(python === undefined)('the extents of a sparse file', () => {
  it('cover its data', async () => {
    const pieces: [number, Buffer][] = [
      [0, data],
      [GiB, data],
      [5 * GiB - MiB, data],
    ];
    expect(await extents(await write(join(scratch(), 'd'), 5 * GiB, pieces), python)).toEqual([
      { offset: 0, length: MiB },
      { offset: GiB, length: MiB },
      { offset: 5 * GiB - MiB, length: MiB },
    ]);
  });

  it('are none when it has no data', async () => {
    expect(await extents(await write(join(scratch(), 'd'), GiB, []), python)).toEqual([]);
  });

  it('depend neither on the name of the file nor on Python modules in its directory', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'os.py'), 'raise SystemExit(1)');
    const path = await write(join(directory, '-c\nimport os'), GiB, [[MiB, data]]);
    expect(await extents(path, python)).toEqual([{ offset: MiB, length: MiB }]);
  });

  it('do not change where later reads of the descriptor begin', async () => {
    const disk = await openDisk(await write(join(scratch(), 'd'), GiB, [[MiB, data]]), 'RAW', false);
    await dataExtents(disk, python);
    const { buffer } = await disk.handle.read(Buffer.alloc(4), 0, 4, MiB);
    expect(buffer).toEqual(Buffer.alloc(4, 7));
    await disk.handle.close();
  });
});

describe('one extent covers the file', () => {
  const everything = [{ offset: 0, length: GiB }];
  const sparse = () => write(join(scratch(), 'd'), GiB, [[MiB, data]]);

  it('without a tool', async () => {
    expect(await extents(await sparse())).toEqual(everything);
  });

  it('when the file is not sparse; no tool runs', async () => {
    const directory = scratch();
    const path = await write(join(directory, 'd'), MiB, [[0, data]]);
    expect(await extents(path, fake(`touch ${directory}/ran; echo end ${MiB}`))).toEqual([{ offset: 0, length: MiB }]);
    expect(() => statSync(join(directory, 'ran'))).toThrow();
  });

  const honest = `echo ${MiB} ${MiB}`;
  test.skipIf(!linux).each([
    ['fails', `${honest}; echo end ${GiB}; exit 1`],
    ['dies', `${honest}; echo end ${GiB}; kill -9 $$`],
    ['prints nothing', 'exit 0'],
    ['stops early', honest],
    ['prints another size', `${honest}; echo end ${GiB + 1}`],
    ['is cut off', `${honest}; printf 'end ${GiB}'`],
    ['exceeds the end', `${honest}; echo ${GiB} 1; echo end ${GiB}`],
    ['goes back', `${honest}; echo 0 ${MiB}; echo end ${GiB}`],
    ['overlaps', `${honest}; echo ${MiB + 1} ${MiB}; echo end ${GiB}`],
    ['prints an empty extent', `${honest}; echo ${3 * MiB} 0; echo end ${GiB}`],
    ['prints text', `echo hello; ${honest}; echo end ${GiB}`],
    ['prints fractions', `echo ${MiB}.0 ${MiB}; echo end ${GiB}`],
    ['misses data', `echo end ${GiB}`],
    ['misses some data', `echo ${MiB + 4096} ${MiB - 4096}; echo end ${GiB}`],
    ['never stops', 'yes 1 1'],
  ])('when the tool %s', async (_, script) => {
    // Holes are checked at their ends, so the missed data is at one.
    const path = await write(join(scratch(), 'd'), GiB, [
      [MiB, data],
      [GiB - MiB, script.includes('end') && !script.includes('echo') ? data : Buffer.alloc(0)],
    ]);
    if (script === `echo end ${GiB}`) await write(path, GiB, [[GiB - MiB, data]]);
    expect(await extents(path, fake(script))).toEqual(everything);
  });

  test.skipIf(!linux)('when the extents cover less than the file system has allocated', async () => {
    // Both ends of the false hole are zero, so checking them finds nothing.
    const path = await write(join(scratch(), 'd'), GiB, [
      [MiB, data],
      [100 * MiB + 8192, Buffer.alloc(4 * MiB, 7)],
    ]);
    expect(await extents(path, fake(`${honest}; echo end ${GiB}`))).toEqual(everything);
  });

  test.skipIf(!linux)('when a child of the tool keeps its output open beyond the time limit', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const marker = join(scratch(), 'ended');
    const found = extents(await sparse(), fake(`sleep 60 & ${honest}; echo end ${GiB}; touch ${marker}`));
    while (!existsSync(marker)) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await found).toEqual(everything);
  });

  it('when there is no such tool', async () => {
    expect(await extents(await sparse(), '/no/python3')).toEqual(everything);
  });

  test.skipIf(!linux)('unless the tool is right, which gets no environment variable of the job', async () => {
    process.env.ALICLOUD_SECRET_KEY = 'secret';
    const tool = fake(`env | grep -q secret && exit 1; ${honest}; echo end ${GiB}`);
    expect(await extents(await sparse(), tool)).toEqual([{ offset: MiB, length: MiB }]);
    delete process.env.ALICLOUD_SECRET_KEY;
  });
});
