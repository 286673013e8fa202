import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { qcow2 } from '../disk/build.ts';
import { quickScene, theError, tinyDisk } from '../support/quick.ts';

const NO_KEYS = { ALICLOUD_ACCESS_KEY: '', ALICLOUD_SECRET_KEY: '' };

/** The problems reported by a run that sent nothing. */
const problems = (error: string): string[] => {
  const [head, ...lines] = error.split('\n');
  expect(head).toBe('Nothing was uploaded. Fix the following:');
  return lines.map((line) => line.replace(/^- /, ''));
};

test('reports every problem at once, before anything is sent', async () => {
  const scene = await quickScene();
  const wrong: [string, string, RegExp][] = [
    ['region', 'Beijing', /^region "Beijing" is not a region id such as cn-beijing\.$/],
    ['image_name', '1st', /^image_name "1st" is not an image name: 2 to 128 letters/],
    ['oss_bucket_name', 'My_Bucket', /^oss_bucket_name "My_Bucket" is not a bucket name: 3 to 63/],
    ['image_os_type', 'bsd', /^image_os_type "bsd" is not one of linux, windows\.$/],
    ['image_platform', '', /^image_platform is missing\.$/],
    ['image_architecture', 'ia64', /^image_architecture "ia64" is not one of i386, x86_64, arm64\.$/],
    ['format', 'vmdk', /^format "vmdk" is not one of RAW, VHD, QCOW2\.$/],
    [
      'oss_key_name',
      'a/{{timestamp}}.raw',
      /^oss_key_name contains the Packer expression \{\{timestamp\}\}, .* Write \$\{\{ github\.run_id \}\}/,
    ],
    ['skip_clean', 'yes', /^skip_clean "yes" is neither true nor false\.$/],
    ['image_description', 'http://a', /^image_description "http:\/\/a" is not a description/],
    ['image_force_delete', '1', /^image_force_delete "1" is neither true nor false\.$/],
    ['image_system_size', '40.5', /^image_system_size "40.5" is not a whole number of GiB from 1 to 2048\.$/],
    ['path', 'nope.raw', /^No file, directory or match for nope\.raw in .*; the directory has: disk\.raw\.$/],
    ['import_role_name', 'a b', /^import_role_name "a b" is not the name of a RAM role\.$/],
    ['timeout_minutes', '0', /^timeout_minutes "0" is not a whole number of minutes/],
    ['keep_input_artifact', 'no', /^keep_input_artifact "no" is neither true nor false\.$/],
    [
      'custom_endpoint_ecs',
      'http://ecs',
      /^custom_endpoint_ecs "http:\/\/ecs" is not a host name, optionally with https/,
    ],
    ['custom_endpoint_oss', 'a/b', /^custom_endpoint_oss/],
    ['custom_endpoint_ram', 'a b', /^custom_endpoint_ram/],
    ['custom_endpoint_sts', 'https://me:secret@sts', /^custom_endpoint_sts "https:\/\/\*\*\*@sts" is not a host name/],
  ];
  const inputs = Object.fromEntries(wrong.map(([name, value]) => [name, value]));
  const main = await scene.main({ ...inputs, access_key: 'AKID' });
  const found = problems(theError(main));
  for (const [name, , says] of wrong)
    expect(
      found.filter((line) => says.test(line)),
      name,
    ).toHaveLength(1);
  expect(
    found.filter((line) => line.startsWith('Incomplete credentials: no value for secret_key, but one for access_key.')),
  ).toHaveLength(1);
  expect(found).toHaveLength(wrong.length + 1);

  // The message also names the other sources that were tried.
  const names = Object.fromEntries(Object.keys(scene.inputs).map((name) => [name, '']));
  const nothing = problems(theError(await scene.main(names, { env: NO_KEYS })));
  expect(nothing).toHaveLength(8);
  for (const name of ['image_name', 'oss_bucket_name', 'image_os_type', 'image_architecture', 'path'])
    expect(nothing).toContain(`${name} is missing.`);
  expect(nothing.join('\n')).toMatch(/^region is missing: .*ALICLOUD_REGION/m);
  expect(nothing.join('\n')).toMatch(/^No credentials\..* ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY/m);

  const half = await scene.main({}, { env: { ALICLOUD_SECRET_KEY: '' } });
  expect(problems(theError(half))).toEqual([
    expect.stringMatching(
      /^Incomplete credentials: no value for ALICLOUD_SECRET_KEY, but one for ALICLOUD_ACCESS_KEY\./,
    ),
  ]);
  const disks = Array.from({ length: 17 }, () => 'disk.raw').join('\n');
  expect(problems(theError(await scene.main({ data_disk_paths: disks })))).toEqual([
    'data_disk_paths has more than 16 disks, which is the maximum of ECS.',
  ]);
  expect((await scene.post()).log).toBe('Nothing to clean up.\n');
  expect(scene.simulator.record).toEqual([]);
});

test('refuses a file that cannot be imported before anything is sent', async () => {
  const scene = await quickScene();
  const at = (...names: string[]) => join(scene.job.workspace, ...names);
  const outside = join(scene.job.temp, 'secret.raw');
  for (const directory of ['two', 'none']) mkdirSync(at(directory));
  for (const file of [at('two/a.raw'), at('two/b.raw'), outside]) await tinyDisk(file);
  writeFileSync(at('none/notes.txt'), 'text');
  writeFileSync(at('empty.raw'), '');
  writeFileSync(at('disk.qcow2'), qcow2());
  symlinkSync('loop.raw', at('loop.raw'));
  symlinkSync(outside, at('link.raw'));
  const manifest = (name: string) => {
    const files = [{ name, size: 65_536 }];
    return JSON.stringify({ builds: [{ name: 'b', files, packer_run_uuid: 'u' }], last_run_uuid: 'u' });
  };
  writeFileSync(at('out.json'), manifest('../_temp/secret.raw'));
  writeFileSync(at('link.json'), manifest('link.raw'));
  cpSync(at('disk.qcow2'), at('more.raw'));

  for (const [inputs, says] of [
    [{ path: 'gone.raw' }, /No file, directory or match for gone\.raw/],
    [{ path: 'two' }, /2 disk images in two, but only one can be imported\. Set path to one of: .*a\.raw, .*b\.raw/],
    [{ path: 't*/*' }, /2 disk images in 't\*\/\*', but only one can be imported/],
    [{ path: 'none' }, /No disk image in none: .* Found: .*notes\.txt/],
    [{ path: 'empty.raw' }, /empty\.raw: the file is empty/],
    [{ path: '/dev/zero' }, /\/dev\/zero is a device or pipe, not a file/],
    [{ path: 'loop.raw' }, /Cannot open .*loop\.raw: ELOOP/],
    [{ path: 'out.json' }, /names \.\.\/_temp\/secret\.raw, which is outside of/],
    [{ path: 'link.json' }, /names link\.raw, which is outside of/],
    [{ path: 'disk.qcow2', format: 'raw' }, /disk\.qcow2: format is RAW, but the content is QCOW2/],
    [
      { path: 'disk.qcow2', image_system_size: '39' },
      /^image_system_size is 39 GiB, but the disk in the file needs 40 GiB\.$/,
    ],
  ] as const) {
    const error = theError(await scene.main(inputs));
    expect(problems(error)).toEqual([expect.stringMatching(says)]);
  }
  expect(scene.simulator.record).toEqual([]);
});
