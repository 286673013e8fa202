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

/** A program that stands in for Python. */
function fake(script: string): string {
  const path = join(scratch(), 'python3');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(python === undefined)('the extents of a sparse file', () => {
  it('are where its data lies', async () => {
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

  it('are none where there is no data', async () => {
    expect(await extents(await write(join(scratch(), 'd'), GiB, []), python)).toEqual([]);
  });

  it('do not depend on the name of the file, nor on modules beside it', async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'os.py'), 'raise SystemExit(1)');
    const path = await write(join(directory, '-c\nimport os'), GiB, [[MiB, data]]);
    expect(await extents(path, python)).toEqual([{ offset: MiB, length: MiB }]);
  });

  it('do not move the place where others read the descriptor', async () => {
    const disk = await openDisk(await write(join(scratch(), 'd'), GiB, [[MiB, data]]), 'RAW', false);
    await dataExtents(disk, python);
    const { buffer } = await disk.handle.read(Buffer.alloc(4), 0, 4, MiB);
    expect(buffer).toEqual(Buffer.alloc(4, 7));
    await disk.handle.close();
  });
});

describe('everything is one extent', () => {
  const everything = [{ offset: 0, length: GiB }];
  const sparse = () => write(join(scratch(), 'd'), GiB, [[MiB, data]]);

  it('without a tool', async () => {
    expect(await extents(await sparse())).toEqual(everything);
  });

  it('in a file that is not sparse, and no tool is run', async () => {
    const directory = scratch();
    const path = await write(join(directory, 'd'), MiB, [[0, data]]);
    expect(await extents(path, fake(`touch ${directory}/ran; echo end ${MiB}`))).toEqual([{ offset: 0, length: MiB }]);
    expect(() => statSync(join(directory, 'ran'))).toThrow();
  });

  const honest = `echo ${MiB} ${MiB}`;
  test.skipIf(!linux).each([
    ['fails', `${honest}; echo end ${GiB}; exit 1`],
    ['dies', `${honest}; echo end ${GiB}; kill -9 $$`],
    ['says nothing', 'exit 0'],
    ['stops early', honest],
    ['means another size', `${honest}; echo end ${GiB + 1}`],
    ['is cut off', `${honest}; printf 'end ${GiB}'`],
    ['goes beyond the end', `${honest}; echo ${GiB} 1; echo end ${GiB}`],
    ['goes back', `${honest}; echo 0 ${MiB}; echo end ${GiB}`],
    ['overlaps', `${honest}; echo ${MiB + 1} ${MiB}; echo end ${GiB}`],
    ['names nothing', `${honest}; echo ${3 * MiB} 0; echo end ${GiB}`],
    ['talks', `echo hello; ${honest}; echo end ${GiB}`],
    ['counts in floats', `echo ${MiB}.0 ${MiB}; echo end ${GiB}`],
    ['misses data', `echo end ${GiB}`],
    ['misses some data', `echo ${MiB + 4096} ${MiB - 4096}; echo end ${GiB}`],
    ['never stops', 'yes 1 1'],
  ])('when the tool %s', async (_, script) => {
    // A hole is probed at its edges, so the data that is missed lies at one.
    const path = await write(join(scratch(), 'd'), GiB, [
      [MiB, data],
      [GiB - MiB, script.includes('end') && !script.includes('echo') ? data : Buffer.alloc(0)],
    ]);
    if (script === `echo end ${GiB}`) await write(path, GiB, [[GiB - MiB, data]]);
    expect(await extents(path, fake(script))).toEqual(everything);
  });

  test.skipIf(!linux)('when the tool tells of less than the file system has allocated', async () => {
    // Both ends of the hole that it invents are zero, so the probes of its edges find nothing.
    const path = await write(join(scratch(), 'd'), GiB, [
      [MiB, data],
      [100 * MiB + 8192, Buffer.alloc(4 * MiB, 7)],
    ]);
    expect(await extents(path, fake(`${honest}; echo end ${GiB}`))).toEqual(everything);
  });

  test.skipIf(!linux)('when a child of the tool holds its output open beyond the limit', async () => {
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

  test.skipIf(!linux)('and a tool that is right is believed, with nothing of our environment', async () => {
    process.env.ALICLOUD_SECRET_KEY = 'secret';
    const tool = fake(`env | grep -q secret && exit 1; ${honest}; echo end ${GiB}`);
    expect(await extents(await sparse(), tool)).toEqual([{ offset: MiB, length: MiB }]);
    delete process.env.ALICLOUD_SECRET_KEY;
  });
});
