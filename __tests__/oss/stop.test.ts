import { appendFile, open, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assertUnchanged, openDisk } from '../../src/disk/inspect.ts';
import { pseudoRandom } from '../support/scene.ts';
import { counts, isFile, KEY, MIB, openFile, openFragments, openLab, sent, staging, type Lab } from './lab.ts';
import { upload } from '../../src/oss/upload.ts';

/** 150 parts of data: more than are ever under way. */
const PARTS = 150;
const openParts = (lab: Lab) => openFragments(join(lab.directory, 'disk'), PARTS);

/** Calls `act` when so many parts have been accepted. */
function atPart(lab: Lab, wanted: number, act: () => unknown): void {
  let parts = 0;
  lab.simulator.after = async ({ operation }) => {
    if (operation === 'oss:UploadPart' && ++parts === wanted) await act();
  };
}

/** Checks an upload that must fail with this code: no object, no later request, and a message that says how far it got. */
async function failed(lab: Lab, staged: Promise<unknown>, code: string) {
  const error = await staged.then(
    () => undefined,
    (thrown: unknown) => thrown as Error & { code: string },
  );
  const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
  expect(error).toMatchObject({ code });
  expect(lab.simulator.world.object('packer', KEY)).toBeUndefined();
  expect(sent(lab, 'CompleteMultipartUpload').filter(({ key }) => key === KEY)).toEqual([]);
  expect(error?.message).toMatch(/ \(\d+ % of 168\.8 MiB was uploaded\)$/);
  // All requests have ended, and no further ones come.
  expect(Object.values(lab.agent.requests).flat()).toEqual([]);
  await pause();
  const seen = lab.simulator.record.length;
  await pause();
  expect(lab.simulator.record.length).toBe(seen);
  return error?.message ?? '';
}

describe('a part that fails for good stops the others', () => {
  it.each([
    ['AccessDenied', 403],
    ['InDebt', 403],
    ['EntityTooLarge', 400],
  ])('at once on %s', async (code, status) => {
    const lab = await openLab();
    const source = await openParts(lab);
    lab.simulator.faults.push({ operation: 'oss:UploadPart', kind: 'error', code, status, nth: 30 });
    await failed(lab, upload(lab.oss, source, staging()), code);
    // Only the parts that were under way are sent.
    expect(counts(lab).UploadPart).toBeLessThan(PARTS);
  });

  it('also while others wait for their next try', async () => {
    const lab = await openLab();
    const source = await openParts(lab);
    lab.simulator.faults.push(
      { operation: 'oss:UploadPart', kind: 'error', code: 'AccessDenied', status: 403, nth: 100 },
      { operation: 'oss:UploadPart', kind: 'throttling', retryAfter: 600, nth: 1, times: 99 },
    );
    const started = performance.now();
    await failed(lab, upload(lab.oss, source, staging()), 'AccessDenied');
    expect(performance.now() - started).toBeLessThan(60_000);
  });
});

describe('a file that does not stay as it was', () => {
  it('shrinks while it is read', async () => {
    const lab = await openLab();
    const source = await openParts(lab);
    atPart(lab, 20, () => truncate(join(lab.directory, 'disk'), 40 * MIB));
    const text = await failed(lab, upload(lab.oss, source, staging()), 'FileChanged');
    expect(text).toContain(`the file now ends at byte ${40 * MIB} (`);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['grows', (path) => appendFile(path, 'more')],
    ['is written to', (path) => open(path, 'r+').then((file) => file.write('x', 5).finally(() => file.close()))],
    ['is touched', (path) => utimes(path, 1, 1)],
  ])('%s', async (_, change) => {
    const lab = await openLab();
    await openParts(lab);
    const path = join(lab.directory, 'disk');
    const disk = await openDisk(path, 'RAW', false);
    atPart(lab, 20, () => change(path));
    const source = { ...disk, assertUnchanged: () => assertUnchanged(disk) };
    const staged = upload(lab.oss, source, staging()).finally(() => disk.handle.close());
    await expect(staged).rejects.toThrow('changed while it was read');
    expect(lab.simulator.world.object('packer', KEY)).toBeUndefined();
    expect(sent(lab, 'CompleteMultipartUpload').filter(({ key }) => key === KEY)).toEqual([]);
  });

  it('cannot be read any more', async () => {
    const lab = await openLab();
    const source = await openParts(lab);
    // Reading a directory fails, as reading a bad disk does.
    const { handle } = source;
    const directory = await open(lab.directory);
    atPart(lab, 20, () => {
      source.handle = directory;
    });
    const text = await failed(lab, upload(lab.oss, source, staging()), 'FileUnreadable');
    expect(text).toMatch(/^at byte \d+: EISDIR/);
    await directory.close();
    await handle.close();
  });

  it('was closed', async () => {
    const lab = await openLab();
    const source = await openParts(lab);
    atPart(lab, 20, () => source.handle.close());
    expect(await failed(lab, upload(lab.oss, source, staging()), 'FileUnreadable')).toMatch(/^at byte \d+: /);
  });
});

describe('two files at once through one client', () => {
  it('both arrive', async () => {
    const lab = await openLab();
    const names = ['one', 'two'];
    const sources = await Promise.all(
      names.map((name, seed) =>
        openFile(join(lab.directory, name), 80 * MIB + seed, [[0, pseudoRandom(40 * MIB, seed + 1)]]),
      ),
    );
    await Promise.all(
      sources.map((source, at) => upload(lab.oss, source, staging({ key: `disk-${names[at] ?? ''}` }))),
    );
    for (const name of names) expect(await isFile(lab, join(lab.directory, name), `disk-${name}`)).toBe(true);
  });

  it('and one that fails does not stop the other', async () => {
    const lab = await openLab();
    await writeFile(join(lab.directory, 'short'), pseudoRandom(10 * MIB, 3));
    const good = await openFile(join(lab.directory, 'good'), 40 * MIB, [[0, pseudoRandom(40 * MIB, 1)]]);
    const handle = await open(join(lab.directory, 'short'));
    const results = await Promise.allSettled([
      upload(lab.oss, good, staging({ key: 'good' })),
      upload(lab.oss, { handle, size: 20 * MIB }, staging({ key: 'short' })),
    ]);
    await handle.close();
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await isFile(lab, join(lab.directory, 'good'), 'good')).toBe(true);
  });
});
