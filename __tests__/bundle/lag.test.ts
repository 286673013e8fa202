import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import { annotations, quickScene } from '../support/quick.ts';
import { requests, smallDisk } from '../support/scene.ts';

const error = (operation: string, code: string, status: number, times: number): Fault => ({
  operation,
  kind: 'error',
  code,
  status,
  times,
  nth: 1,
});

test.each([
  ['ECS does not see the object yet', error('ecs:ImportImage', 'InvalidOSSObject.NotFound', 400, 3)],
  ['the calls of this minute are used up', error('ecs:ImportImage', 'Throttling.User', 400, 5)],
  ['a new role has not propagated yet', error('ram:AttachPolicyToRole', 'EntityNotExist.Role', 404, 2)],
])('a failure that only time cures does not waste the upload: %s', async (_, fault) => {
  const scene = await quickScene();
  const { account, faults } = scene.simulator;
  if (fault.operation.startsWith('ram:')) account.roles = [];
  faults.push(fault);
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  expect(requests(scene, fault.operation).filter((request) => request.fault !== undefined)).toHaveLength(
    fault.times ?? NaN,
  );
  expect(requests(scene, 'oss:CompleteMultipartUpload')).toHaveLength(1);
});

test('where copies are not implemented, zeros are sent', async () => {
  const scene = await quickScene({ write: smallDisk });
  scene.simulator.faults.push(error('oss:UploadPartCopy', 'NotImplemented', 501, Infinity));
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  expect(main.log).toContain('No copies inside the bucket (NotImplemented): zeros are sent as data.');
});

test('a file that cannot be deleted after a success is a warning with the command', async () => {
  const scene = await quickScene();
  scene.simulator.before = async ({ operation }) => {
    if (operation !== 'ecs:ImportImage') return;
    await rm(scene.disk);
    await mkdir(scene.disk);
  };
  const main = await scene.main({ keep_input_artifact: 'false' });
  expect(main.conclusion, main.log).toBe('success');
  expect(annotations(main, 'warning')).toEqual([expect.stringContaining('Remove it: rm ')]);
});

test('a file that replaced the disk during the import is not deleted', async () => {
  const scene = await quickScene();
  scene.simulator.before = async ({ operation }) => {
    if (operation !== 'ecs:ImportImage') return;
    await rm(scene.disk);
    await writeFile(scene.disk, 'the next disk');
  };
  const main = await scene.main({ keep_input_artifact: 'false' });
  expect(main.conclusion, main.log).toBe('success');
  expect(annotations(main, 'warning')).toEqual([expect.stringContaining('it has changed since it was read')]);
  expect(await readFile(scene.disk, 'utf8')).toBe('the next disk');
});

test('the DEBUG variable does not make the action print requests', async () => {
  const scene = await quickScene({ env: { DEBUG: '*' } });
  let noise = '';
  await scene.main({}, { onSpawn: ({ stderr }) => stderr?.on('data', (text: string) => (noise += text)) });
  expect(noise).not.toMatch(/authorization|OSS4-HMAC/i);
});
