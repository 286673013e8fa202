import { cpSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MiB } from '../disk/build.ts';
import { quickScene, theError, tinyDisk } from '../support/quick.ts';
import { ROOT } from '../support/scene.ts';

test('path: a file, a directory, a glob, or the manifest of a real Packer run', async () => {
  const scene = await quickScene();
  const { simulator, job } = scene;
  simulator.world.addImage(simulator.account, 'taken');
  const at = (name: string) => join(job.workspace, name);
  mkdirSync(at('output-qemu'));
  await tinyDisk(at('output-qemu/disk.raw'));
  writeFileSync(at('output-qemu/disk.raw.sha256'), 'x\n');
  cpSync(join(ROOT, '__tests__/disk/packer-manifest.json'), at('packer-manifest.json'));

  for (const path of ['output-qemu/disk.raw', at('output-qemu/disk.raw'), 'output-qemu', 'output-*/*.raw']) {
    // The run ends with the check, after it has found and inspected a file.
    const main = await scene.main({ path, image_name: 'taken' });
    expect(theError(main)).toContain('InvalidImageName.Duplicated');
    expect(main.log).toContain(`${at('output-qemu/disk.raw')}: RAW, 65536 bytes.`);
  }

  expect(theError(await scene.main({ path: 'packer-manifest.json' }))).toMatch(
    /names output-qemu\/disk.raw with 67108864/,
  );
  truncateSync(at('output-qemu/disk.raw'), 64 * MiB);
  let same = false;
  simulator.after = async ({ operation }) => {
    const [key = ''] = simulator.world.bucket('packer')?.objects.keys() ?? [];
    if (operation === 'ecs:ImportImage')
      same = await simulator.world.sameAsFile('packer', key, at('output-qemu/disk.raw'));
  };
  const main = await scene.main({ path: 'packer-manifest.json' });
  expect(main.conclusion, main.log).toBe('success');
  expect(same).toBe(true);
});
