import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT, smallDisk } from './support/scene.ts';

/** Runs the demo for a folder with these files, or for one that it packs, and checks that it leaves no temporary files. */
async function demo(files: string[], packed?: string) {
  const root = mkdtempSync(join(tmpdir(), 'demo-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  const [disks, temporary] = [join(root, 'disks'), join(root, 'temporary')];
  for (const folder of [disks, temporary]) mkdirSync(folder);
  for (const name of files) await smallDisk(join(disks, name));
  if (packed !== undefined) writeFileSync(join(disks, packed), gzipSync(readFileSync(join(disks, files[0] ?? ''))));
  const env = { ...process.env, TMPDIR: temporary };
  const result = await new Promise<{ failed: boolean; stdout: string; stderr: string }>((done) => {
    execFile(
      process.execPath,
      ['scripts/demo.ts', join(disks, packed ?? '')],
      { cwd: ROOT, env },
      (error, stdout, stderr) => {
        done({ failed: error !== null, stdout, stderr: stderr.replaceAll(disks, '<disks>') });
      },
    );
  });
  expect(readdirSync(temporary)).toEqual([]);
  return result;
}

test.each([
  ['the only disk image in a directory', undefined],
  ['a packed disk', 'disk.raw.gz'],
])('the demo imports %s', async (_, packed) => {
  const { failed, stdout, stderr } = await demo(['disk.raw'], packed);
  expect(stderr).toBe('');
  expect(stdout).not.toContain('NOT OK');
  expect(stdout).toMatch(/^ok +image m-\w+ "packer_import" is Available/m);
  expect(failed).toBe(false);
});

test.each([
  [[], 'none'],
  [['a.raw', 'b.raw'], 'a.raw, b.raw'],
])('the demo refuses a directory with %j in one line', async (files, holds) => {
  const { failed, stderr } = await demo(files);
  expect(stderr).toBe(`<disks> must hold exactly one disk image (.raw, .vhd or .qcow2). It holds: ${holds}.\n`);
  expect(failed).toBe(true);
});
