import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { quickScene } from '../support/quick.ts';
import { rendered } from '../support/rendered.ts';
import { smallDisk, type SceneOptions } from '../support/scene.ts';

/** Everything that Markdown, HTML, GitHub and the runner could interpret. */
const HOSTILE = [
  'a|b `c` ``d`` \\| <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![i](https://evil.example/i.png)',
  'https://evil.example www.evil.example me@evil.example @octocat #1 GH-1 &lt;b&gt; **bold** _i_ ~~s~~ <!-- c --> [^1]',
  '',
  '# heading',
  '::error::PWNED',
  '- item',
  '| x | y |',
  '| - | - |',
  '<!-- no end',
].join('\n');

/** The same for a file name, shorter because names are limited. */
const NAME =
  'a|b `c` \\| <img onerror=x> [x](javascript:y) @octocat #1 www.evil.example <!-- \n::error::PWNED\n| - |.raw';

const hostileScene = async (options: SceneOptions = {}) => {
  const scene = await quickScene({ copySeconds: 5, write: smallDisk, ...options });
  renameSync(scene.disk, join(scene.job.workspace, NAME));
  const inputs = { path: '*.raw', image_platform: HOSTILE, image_description: HOSTILE.slice(0, 256) };
  return { ...scene, main: (more: Record<string, string> = {}) => scene.main({ ...inputs, ...more }) };
};

const heads = (summary: string) => rendered(summary).rows.map(([head]) => head);
const row = (summary: string, head: string) => rendered(summary).rows.find(([name]) => name === head)?.[1];
const page = (region: string) => `https://ecs.console.aliyun.com/image/region/${region}/imageList`;

test('a success: image, region, console link, sizes, durations, speed, what was not sent, copies and shares', async () => {
  const { simulator, main } = await hostileScene();
  const old = simulator.world.addImage(simulator.account, 'packer_import');
  const accounts = ['1000000000000001', '1000000000000002'];
  for (const id of accounts) simulator.world.addAccount({ id });
  const { summary, outputs, conclusion, log } = await main({
    image_force_delete: 'true',
    image_copy_regions: 'cn-hangzhou, cn-shanghai',
    image_copy_names: 'packer_import, other_name',
    image_share_account: accounts.join(', '),
    skip_clean: 'true',
  });
  expect(conclusion, log).toBe('success');
  const { heading, rows, links } = rendered(summary);
  const ids = JSON.parse(outputs.image_ids ?? '') as Record<string, string>;
  expect(heading).toBe(`Imported ${outputs.image_id ?? ''}`);
  expect(links).toEqual(Object.entries(ids).map(([region, id]) => [id, page(region)]));
  expect(rows).toEqual([
    ['Image', 'packer_import in cn-beijing'],
    ['System', expect.stringMatching(/^linux, a\|b `c` .*@octocat.*, x86_64, BIOS \(default of ECS\)$/)],
    ['Disk', 'RAW, 24.0 MiB, system disk of 40 GiB'],
    [
      'Uploaded',
      expect.stringMatching(/^\d\.\d MiB in (\d+ min )?\d+ s \(\d+\.\d MiB\/s\), 20\.\d MiB of zeros not sent$/),
    ],
    ['Import', expect.stringMatching(/^(\d+ min )?\d+ s$/)],
    ['Replaced', old.id],
    ['Copies', `${ids['cn-hangzhou'] ?? ''} in cn-hangzhou, ${ids['cn-shanghai'] ?? ''} in cn-shanghai as other_name`],
    ['Shared with', accounts.join(', ')],
    ['Staged object', `${outputs.oss_object ?? ''}, kept (skip_clean)`],
  ]);
});

test('a partial success: what was made, what failed and why, what is left and why', async () => {
  const { simulator, main } = await hostileScene();
  const refusal = { kind: 'error', status: 403, message: HOSTILE } as const;
  simulator.faults.push({ operation: 'ecs:CopyImage', nth: 2, code: 'QuotaExceed.Image', ...refusal });
  simulator.faults.push({ operation: 'oss:DeleteObject', code: 'AccessDenied', ...refusal });
  const { summary, outputs, conclusion } = await main({ image_copy_regions: 'cn-hangzhou, cn-shanghai, cn-shenzhen' });
  expect(conclusion).toBe('failure');
  const { heading, links } = rendered(summary);
  expect(heading).toBe(`Imported ${outputs.image_id ?? ''}, but not everything was made`);
  expect(links.map(([, url]) => url)).toEqual(['cn-beijing', 'cn-hangzhou', 'cn-shenzhen'].map(page));
  expect(heads(summary)).toEqual([
    ...['Image', 'System', 'Disk', 'Uploaded', 'Import', 'Copies', 'Failed'],
    ...Array.from(heads(summary).filter((head) => head === 'Left behind')),
  ]);
  expect(row(summary, 'Failed')).toMatch(
    /^ecs:CopyImage failed: QuotaExceed\.Image: cn-shanghai: a\|b `c`.* The account has reached its limit of images .* \(RequestId [\w-]+\)$/,
  );
  expect(row(summary, 'Left behind')).toMatch(/Not cleaned up \(AccessDenied: a\|b `c`.*ossutil rm oss:\/\/packer\//);
});

test('a dry run: what would happen, however long the list is', async () => {
  const { main } = await hostileScene();
  const { summary, conclusion, log } = await main({ dry_run: 'true', oss_bucket_name: 'not-there-yet' });
  expect(conclusion, log).toBe('success');
  const { heading, rows, links } = rendered(summary);
  expect([heading, links]).toEqual(['Dry run: nothing was changed', []]);
  expect(rows).toEqual([
    ['Image', 'packer_import in cn-beijing'],
    ['Would', 'create the bucket not-there-yet'],
    ['Would', expect.stringMatching(/^upload .*@octocat.* to oss:\/\/not-there-yet\/.*\.raw$/)],
    ['Would', 'import packer_import in cn-beijing'],
    ['Not checked', 'quotas, whether ECS can read the bucket, and the content of the file beyond its headers'],
  ]);
  const regions = 'cn-hangzhou,cn-shanghai,cn-shenzhen,cn-hongkong,ap-southeast-1,us-west-1,us-east-1,eu-central-1';
  const many = await main({ dry_run: 'true', image_copy_regions: `${regions},ap-northeast-1,cn-qingdao` });
  expect(many.conclusion, many.log).toBe('success');
  expect(rendered(many.summary).rows.at(-2)).toEqual(['Would', expect.stringMatching(/^and \d more, all of them/)]);
});

test('a failure: only what failed, why, what to do, and what is left', async () => {
  const { simulator, main } = await hostileScene();
  simulator.faults.push({
    operation: 'ecs:ImportImage',
    kind: 'error',
    status: 403,
    code: 'InvalidOSSObject.Size',
    message: HOSTILE,
  });
  const { summary, conclusion } = await main();
  expect(conclusion).toBe('failure');
  expect([rendered(summary).heading, heads(summary)]).toEqual(['Not imported', ['Image', 'Failed']]);
  expect(row(summary, 'Failed')).toMatch(
    /^ecs:ImportImage failed: InvalidOSSObject\.Size: a\|b `c`.* The staged object is empty\. Check the file .* \(RequestId [\w-]+\)$/,
  );
  // Nothing was sent.
  const wrong = Object.fromEntries(['region', 'image_name', 'format', 'skip_clean'].map((name) => [name, HOSTILE]));
  const bad = await main({ ...wrong, oss_bucket_name: HOSTILE });
  expect(heads(bad.summary)).toEqual(['Image', ...Array.from({ length: 5 }, () => 'Failed')]);
});

test('a failed task is named, for the support', async () => {
  const { simulator, main } = await hostileScene();
  simulator.world.nextImportFails = { code: 'ImportImageFailed', message: HOSTILE };
  const { summary, outputs } = await main();
  expect(heads(summary)).toEqual(['Image', 'Failed', 'Task']);
  expect(row(summary, 'Task')).toBe(outputs.task_id);
});

test('the findings of the image check, and the boot mode with its reason', async () => {
  const scene = await quickScene();
  const { summary, log } = await scene.main({ detection_strategy: 'Standard', boot_mode: 'uefi' });
  const found = 'Finished; CloudInit NotInstalled (Medium CloudInitNotInstalled); Virtio Supported';
  expect(row(summary, 'Detection')).toBe(found);
  expect(row(summary, 'System')).toMatch(/, UEFI \(boot_mode\)$/);
  expect(log).toContain('Boot mode: UEFI (boot_mode).');
});

test('an import succeeds on a runner without summaries', async () => {
  const scene = await quickScene();
  const folder = join(scene.job.temp, '_runner_file_commands');
  scene.simulator.before = () => {
    for (const name of readdirSync(folder)) if (name.startsWith('step_summary_')) rmSync(join(folder, name));
    return Promise.resolve();
  };
  const main = await scene.main();
  expect([main.conclusion, main.summary], main.log).toEqual(['success', '']);
});
