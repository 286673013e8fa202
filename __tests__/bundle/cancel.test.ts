import type { ChildProcess } from 'node:child_process';
import { expect, test } from 'vitest';
import type { RecordedRequest } from '../../simulator/index.ts';
import { arrange, BUCKET, leftFor, type Arranged, type Variant } from '../support/endings.ts';

const FORCE = { image_force_delete: 'true' };
const REPLACING: Variant = { title: '', inputs: FORCE, old: true };

/** Runs the action and sends the signal right after a request was executed; returns how long the process took to end. */
async function cancelAfter(arranged: Arranged, signal: NodeJS.Signals, at: (request: RecordedRequest) => boolean) {
  const { simulator } = arranged.scene;
  let child: ChildProcess | undefined;
  let sent = 0;
  let ended = 0;
  simulator.after = (request) => {
    arranged.watch.look(request);
    if (sent > 0 || !at(request)) return;
    sent = performance.now();
    child?.kill(signal);
  };
  const main = await arranged.scene.main(
    {},
    {
      onSpawn: (one) => {
        child = one.once('exit', () => (ended = performance.now()));
      },
    },
  );
  return { main, seconds: (ended - sent) / 1000 };
}

const isImporting = ({ operation }: RecordedRequest) => operation === 'ecs:DescribeTasks';

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the process within a second, and post undoes the import',
  async (signal) => {
    const arranged = await arrange(REPLACING, { importSeconds: 600 });
    const { scene, watch, old } = arranged;
    const { simulator } = scene;
    const { main, seconds } = await cancelAfter(arranged, signal, isImporting);
    expect(main.signal).toBe(signal);
    expect(main.outputs).toMatchObject({ image_id: '', image_ids: '{}' });
    expect(seconds).toBeLessThan(1);
    expect(simulator.world.tasks).toMatchObject([{ status: 'Processing' }]);
    const begun = simulator.now();
    const post = await scene.post();
    expect(post.log).not.toContain('##[warning]');
    expect(post.log).toMatch(/Cancelled the import task t-\w+ of image m-\w+\./);
    expect(simulator.now() - begun).toBeLessThan(4 * 60_000);
    expect(simulator.world.tasks).toMatchObject([{ status: 'Deleted' }]);
    expect(watch.left()).toEqual([]);
    expect(watch.holders()).toEqual([old]);
    expect(watch.seen).toEqual([]);
    await scene.close();
  },
);

test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of an upload: post aborts the upload', async (signal) => {
  const arranged = await arrange({ title: '', zeros: true });
  const { scene, watch } = arranged;
  const { seconds } = await cancelAfter(arranged, signal, ({ operation }) => operation === 'oss:UploadPartCopy');
  expect(seconds).toBeLessThan(1);
  expect(watch.left()).not.toEqual([]);
  const post = await scene.post();
  expect(post.log).not.toContain('##[warning]');
  expect(watch.left()).toEqual([]);
  await scene.close();
});

test('post cancels an import that is not listed yet: main was cancelled when it had just sent ImportImage', async () => {
  const arranged = await arrange(REPLACING, { importSeconds: 600, imageVisibilitySeconds: 10 });
  const { scene, watch, old } = arranged;
  await cancelAfter(arranged, 'SIGINT', ({ operation }) => operation === 'ecs:ImportImage');
  const post = await scene.post();
  expect(post.log).toContain('Cancelled the import task');
  expect(watch.left()).toEqual([]);
  expect(watch.holders()).toEqual([old]);
  await scene.close();
});

test('post prints the command for everything that it cannot undo, before the runner ends it', async () => {
  const arranged = await arrange({ title: '', zeros: true }, { importSeconds: 600 });
  const { scene, watch } = arranged;
  const { simulator } = scene;
  const { main } = await cancelAfter(arranged, 'SIGINT', isImporting);
  simulator.faults.push({ operation: '*', kind: 'stall' });
  const sent = simulator.record.length;
  const post = await scene.post();
  const [image] = watch.mine();
  const warnings = post.commands.filter(({ command }) => command === 'warning').map(({ message }) => message);
  expect(warnings[0]).toMatch(/^Nothing was cleaned up\. sts:GetCallerIdentity failed: Timeout/);
  expect(warnings).toHaveLength(1 + leftFor(main.state).length);
  expect(warnings.join('\n')).toContain(
    `aliyun ecs CancelTask --RegionId cn-beijing --TaskId ${simulator.world.tasks[0]?.id ?? ''}`,
  );
  expect(warnings.join('\n')).toContain(`DeleteImage --RegionId cn-beijing --ImageId ${image?.id ?? ''}`);
  expect(warnings.join('\n')).toMatch(/ossutil rm oss:\/\/packer\/alicloud-import\/packer_import\/4242-\S+\/disk\.raw/);
  const [first, last] = [simulator.record[sent], simulator.record.at(-1)];
  expect((last?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(4 * 60_000);
  await scene.close();
});

test('post ends in time when the import cannot be cancelled, and still deletes the object', async () => {
  const arranged = await arrange(REPLACING, { importSeconds: 3_600 });
  const { scene, watch, old } = arranged;
  const { simulator } = scene;
  await cancelAfter(arranged, 'SIGINT', isImporting);
  simulator.faults.push({ operation: 'ecs:CancelTask', kind: 'error', code: 'CancelTaskFailed', status: 403 });
  const post = await scene.post();
  expect(post.log).toMatch(
    /##\[warning\]Not cleaned up \(.*\)\. Image m-\w+ may still exist, unfinished or without its name\. To cancel it: aliyun ecs CancelTask/,
  );
  expect(watch.left().filter((one) => !/^(image|task)/.test(one))).toEqual([]);
  expect(watch.holders()).toEqual([old]);
  await scene.close();
});

test('a finished image is never undone: when the job is cancelled after it became Available, it gets its name', async () => {
  const arranged = await arrange(REPLACING);
  const { scene, watch, old } = arranged;
  const { main } = await cancelAfter(arranged, 'SIGINT', ({ operation }) => operation === 'ecs:ModifyImageAttribute');
  expect(main.conclusion).not.toBe('success');
  const post = await scene.post();
  expect(post.log).toMatch(/Image m-\w+ is finished and is kept\./);
  expect(watch.holders()).toMatchObject([{ status: 'Available' }]);
  expect(watch.holders()[0]?.id).not.toBe(old?.id);
  expect(watch.left()).toEqual([]);
  expect(watch.seen).toEqual([]);
  await scene.close();
});

test('post has nothing to warn about when the bucket no longer exists', async () => {
  const arranged = await arrange({ title: '', zeros: true });
  const { scene } = arranged;
  const { world } = scene.simulator;
  const { main } = await cancelAfter(arranged, 'SIGTERM', ({ operation }) => operation === 'oss:UploadPartCopy');
  expect(main.signal).toBe('SIGTERM');
  world.buckets = world.buckets.filter(({ name }) => name !== BUCKET);
  const post = await scene.post();
  expect(post.conclusion).toBe('success');
  expect(post.log).not.toContain('##[warning]');
  await scene.close();
});
