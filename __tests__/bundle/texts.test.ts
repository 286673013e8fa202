import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import type { StageResult } from '../../runner/job.ts';
import { quickScene, theError, tinyDisk } from '../support/quick.ts';
import { rendered } from '../support/rendered.ts';

const EVIL = [
  'x',
  '::error::PWNED',
  '##[error]PWNED',
  '::set-output name=pwned::PWNED',
  '\r::add-mask::PWNED',
  '\u2028::stop-commands::PWNED\u001b[31m\u202e\u200b',
  '</td></table><script>alert(1)</script>**b** [a](//b) |c| `d` &lt;\u0085',
].join('\n');
/** The same, as far as XML can contain it. */
const EVIL_XML = EVIL.replace(/[^\P{Cc}\n\r]/gu, '');
/** The same for a file name. */
const EVIL_NAME = EVIL.replaceAll('/', '\u2215');

/** Expects that the runner executed no command from foreign text, and that every line of the log is readable. */
function harmless(...results: StageResult[]): void {
  for (const { commands, outputs, state, log, env, files, summary } of results) {
    const shown = ['error', 'warning', 'debug', 'group', 'endgroup', 'notice'];
    expect(commands.filter(({ message }) => message.startsWith('PWNED'))).toEqual([]);
    expect(commands.filter(({ command, message }) => !shown.includes(command) && message.includes('PWNED'))).toEqual(
      [],
    );
    expect(Object.keys(outputs)).not.toContain('pwned');
    expect([...Object.values(outputs), ...Object.values(state)].join('')).not.toMatch(/^PWNED/m);
    expect([env, files.GITHUB_ENV, files.GITHUB_PATH]).toEqual([{}, '', '']);
    // Line breaks inside an annotation are intended: one problem per line.
    expect(log.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(log.split('\n').filter((line) => /^\s*(::|##\[error\]PWNED)/.test(line))).toEqual([]);
    if (summary !== '') rendered(summary);
  }
}

test('names of files, inputs and a manifest', async () => {
  const scene = await quickScene();
  const { job, disk } = scene;
  const at = (...names: string[]) => join(job.workspace, ...names);
  // A valid image with a hostile name, and hostile text in every input that allows it.
  renameSync(disk, at(`${EVIL_NAME}.raw`));
  const inputs = {
    path: '*.raw',
    image_platform: EVIL,
    oss_key_name: 'k/*_<b>&amp;"\'`|.raw',
    image_description: EVIL,
  };
  const main = await scene.main({ ...inputs, skip_clean: 'true' });
  expect(main.conclusion, main.log).toBe('success');
  harmless(main, await scene.post(inputs));
  expect(rendered(main.summary).rows).toEqual(
    expect.arrayContaining([
      ['System', expect.stringContaining('linux, x\\u{a}::error::PWNED\\u{a}## [error]PWNED') as string],
      ['Staged object', 'oss://packer/k/*_<b>&amp;"\'`|.raw, kept (skip_clean)'],
    ]),
  );
  // The errors quote the invalid values.
  const bad = Object.fromEntries(Object.keys(scene.inputs).map((name) => [name, EVIL]));
  const refused = await scene.main({ ...bad, oss_key_name: `/${EVIL}`, format: EVIL, skip_clean: EVIL, profile: EVIL });
  expect(theError(refused)).toContain('PWNED');
  harmless(refused);

  mkdirSync(at('two'));
  for (const name of ['a', 'b']) await tinyDisk(at('two', `${name}${EVIL_NAME}.raw`));
  writeFileSync(at('notes'), '{');
  const files = [{ name: EVIL, size: 1 }];
  const text = { builds: [{ name: EVIL, files, packer_run_uuid: EVIL }], last_run_uuid: EVIL };
  writeFileSync(at('m.json'), JSON.stringify(text));
  writeFileSync(
    at('n.json'),
    JSON.stringify({ ...text, builds: [{ ...text.builds[0], files: [{ name: `${EVIL}.raw`, size: 1 }] }] }),
  );
  for (const path of ['two', 'm.json', 'n.json', `gone${EVIL}`]) {
    const failed = await scene.main({ path });
    expect(theError(failed)).toContain('PWNED');
    harmless(failed);
  }
  rmSync(at('two'), { recursive: true });
});

test.each<[string, Fault]>([
  ['a refusal of ECS', { operation: 'ecs:ImportImage', kind: 'error', code: 'InvalidParameter', message: EVIL }],
  ['a code', { operation: 'ecs:ImportImage', kind: 'error', code: EVIL, message: EVIL }],
  [
    'a refusal of OSS',
    { operation: 'oss:UploadPart', kind: 'error', code: 'AccessDenied', status: 403, message: EVIL_XML },
  ],
  ['retries in the log', { operation: 'ecs:DescribeImages', kind: 'throttling', times: 2, message: EVIL }],
  ['a clean-up that fails', { operation: 'oss:DeleteObject', kind: 'error', code: 'AccessDenied', message: EVIL_XML }],
  [
    'an old image that cannot be deleted',
    { operation: 'ecs:DeleteImage', kind: 'error', code: 'ImageUsingByInstance', message: EVIL },
  ],
  ['HTML pages of a proxy', { operation: 'ecs:*', kind: 'html', status: 403 }],
])('what a server says: %s', async (_, fault) => {
  const scene = await quickScene({ env: { RUNNER_DEBUG: '1' } });
  const { simulator } = scene;
  simulator.world.addImage(simulator.account, 'packer_import');
  simulator.faults.push(fault);
  const main = await scene.main({ image_force_delete: 'true' });
  const post = await scene.post({ image_force_delete: 'true' });
  harmless(main, post);
  if (fault.kind !== 'html') expect(main.log).toContain('PWNED');
});

test('the reason of a failed task comes from the service', async () => {
  const scene = await quickScene();
  scene.simulator.world.nextImportFails = { code: 'ImportImageFailed', message: EVIL };
  const main = await scene.main();
  expect(theError(main)).toMatch(/ImportImageFailed: image m-\w+: x ::error::PWNED/);
  harmless(main);
});
