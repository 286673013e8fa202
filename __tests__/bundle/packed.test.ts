import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { has, sh } from '../disk/build.ts';
import { openScene, type Scene } from '../support/scene.ts';

const hasTools = has('gzip', 'xz', 'zstd', 'bzip2', 'tar', 'qemu-img', 'qemu-io');

/** The files that a job left in the runner's temporary folder. */
const left = ({ job }: Scene) => readdirSync(job.temp).filter((name) => name.startsWith('alicloud-import'));

async function packedScene(script: string): Promise<Scene> {
  const scene = await openScene();
  sh(scene.job.workspace, `cp disk.raw ../original; ${script}; rm -f disk.raw`);
  return scene;
}

describe.skipIf(!hasTools)('given packed or foreign, imported as the disk', () => {
  test.each([
    ['disk.raw.gz', 'gzip -1k disk.raw', 'raw'],
    ['disk.raw.xz', 'xz -0k disk.raw', 'raw'],
    ['disk.raw.zst', 'zstd -q disk.raw', 'raw'],
    ['disk.raw.bz2', 'bzip2 -1k disk.raw', 'raw'],
    ['disk.tar.gz', 'tar --format=oldgnu -Sczf disk.tar.gz disk.raw', 'raw'],
    ['vm.ova', 'qemu-img convert -O vmdk -o subformat=streamOptimized disk.raw d.vmdk; tar -cf vm.ova d.vmdk', 'raw'],
    ['d.vmdk', 'qemu-img convert -O vmdk disk.raw d.vmdk', 'raw'],
    ['d.vhdx', 'qemu-img convert -O vhdx disk.raw d.vhdx', 'raw'],
    ['d.vdi', 'qemu-img convert -O vdi disk.raw d.vdi', 'raw'],
  ])('%s', async (name, script, suffix) => {
    const scene = await packedScene(script);
    const { simulator, job } = scene;
    let same = false;
    simulator.after = async ({ operation }) => {
      if (operation !== 'ecs:ImportImage') return;
      const [key = ''] = simulator.world.bucket('packer')?.objects.keys() ?? [];
      expect(key).toMatch(new RegExp(`\\.${suffix}$`));
      same = await simulator.world.sameAsFile('packer', key, join(job.workspace, '../original'));
    };
    const main = await scene.main({ path: name });
    expect(main.log).not.toContain('##[error]');
    expect(main.conclusion).toBe('success');
    expect(same).toBe(true);
    expect(main.log).toContain(`${join(job.workspace, name)} cannot be imported as it is`);
    expect(main.log).toContain('To import: RAW');
    expect(left(scene)).toEqual([]);
    expect(existsSync(join(job.workspace, name))).toBe(true);
  });

  test('keep_input_artifact: false deletes the packed file', async () => {
    const scene = await packedScene('gzip -1k disk.raw');
    expect((await scene.main({ path: 'disk.raw.gz', keep_input_artifact: 'false' })).conclusion).toBe('success');
    expect(existsSync(join(scene.job.workspace, 'disk.raw.gz'))).toBe(false);
  });

  test('keep_input_artifact: false leaves another file under its name', async () => {
    const scene = await packedScene('gzip -1k disk.raw; cp disk.raw.gz other');
    const { workspace } = scene.job;
    scene.simulator.after = ({ operation }) => {
      if (operation === 'ecs:ImportImage') renameSync(join(workspace, 'other'), join(workspace, 'disk.raw.gz'));
      return Promise.resolve();
    };
    const main = await scene.main({ path: 'disk.raw.gz', keep_input_artifact: 'false' });
    expect(main.conclusion).toBe('success');
    expect(main.log).toMatch(/disk.raw.gz was not deleted \(it has changed since it was read\)/);
    expect(existsSync(join(workspace, 'disk.raw.gz'))).toBe(true);
  });

  test('a dry run says what it did not look into', async () => {
    const scene = await packedScene('zstd -q disk.raw');
    const main = await scene.main({ path: 'disk.raw.zst', dry_run: 'true' });
    expect(main.conclusion).toBe('success');
    expect(main.log).toMatch(/disk.raw.zst: only its headers were read/);
    expect(main.log).toMatch(/Would upload the disk in .*disk.raw.zst to/);
    expect(left(scene)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'after %s in the middle and post, no file and no process is left',
    async (signal) => {
      // xz needs seconds for 2 GiB of zeros, and qemu-img for random data.
      const zeros = 'xz -0c disk.raw > d; head -c 128M /dev/zero | xz -0 > z; for i in $(seq 16); do cat z >> d; done';
      const noise = 'head -c 64M /dev/urandom | dd of=disk.raw bs=1M seek=3 iflag=fullblock conv=notrunc status=none';
      for (const script of [zeros, `${noise}; qemu-img convert -O vdi disk.raw d`]) {
        const scene = await packedScene(script);
        const main = await scene.main(
          { path: 'd' },
          {
            onLine: (line) => {
              if (line.includes('cannot be imported as it is')) process.kill(mainOf(scene), signal);
            },
          },
        );
        expect(main.conclusion).not.toBe('success');
        await scene.post();
        expect(left(scene)).toEqual([]);
        expect(childrenOf(scene)).toEqual([]);
      }
    },
  );
});

/** Processes that use files of the job. */
function processes(pattern: (line: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return pattern(readFileSync(`/proc/${pid}/cmdline`, 'latin1') + readFileSync(`/proc/${pid}/environ`, 'latin1'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

const childrenOf = ({ job }: Scene) => processes((line) => line.includes(job.temp) && !line.includes('RUNNER_TEMP='));

const mainOf = ({ job }: Scene) => processes((line) => line.includes(`RUNNER_TEMP=${job.temp}`))[0] ?? -1;
