import { expect, test } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { annotations } from '../support/quick.ts';
import { arrange, leftFor, NAME, type Arranged } from '../support/endings.ts';

const FORCE = { image_force_delete: 'true' };

/** Runs the action twice at the same time, as two runs of the workflow; `apart` starts the second once the first imports. */
async function twoRuns({ scene, watch }: Arranged, apart = false): Promise<[StageResult, StageResult]> {
  const run = (id: string) => scene.main({}, { env: { GITHUB_RUN_ID: id } });
  const importing = new Promise<void>((done) => {
    scene.simulator.after = (request) => {
      watch.look(request);
      if (request.operation === 'ecs:ImportImage') done();
    };
  });
  return Promise.all([run('5001'), (apart ? importing : Promise.resolve()).then(() => run('5002'))]);
}

const madeBy = (runs: StageResult[]) => runs.map(({ outputs }) => outputs.image_id ?? '');
const isAside = (one: string) => one.startsWith(`image ${NAME}-replaced-`);

test('two runs at the same time, without image_force_delete: one image and one clear error', async () => {
  const arranged = await arrange({ title: '' }, { importSeconds: 30 });
  const { scene, watch } = arranged;
  const runs = await twoRuns(arranged);
  const [winner, ...others] = runs.filter(({ conclusion }) => conclusion === 'success');
  expect(others).toEqual([]);
  const loser = runs.find(({ conclusion }) => conclusion === 'failure');
  const errors = loser?.commands.filter(({ command }) => command === 'error');
  expect(errors).toHaveLength(1);
  expect(errors?.[0]?.message).toContain('InvalidImageName.Duplicated');
  expect(watch.holders().map(({ id }) => id)).toEqual([winner?.outputs.image_id]);
  expect(watch.left()).toEqual([]);
  expect(watch.seen).toEqual([]);
  await scene.close();
});

test.concurrent.each([
  ['with an old image', true, false],
  ['with an old image, one after the other', true, true],
  ['without an old image', false, false],
  ['without an old image, one after the other', false, true],
])('two runs at the same time, both forced, %s: the later rename wins, and no image is lost', async (_, old, apart) => {
  const arranged = await arrange({ title: '', inputs: FORCE, old }, { importSeconds: 120 });
  const { scene, watch } = arranged;
  const runs = await twoRuns(arranged, apart);
  for (const { conclusion, log, state } of runs) {
    expect(conclusion, log).toBe('success');
    expect(leftFor(state)).toEqual([]);
  }
  const { images } = scene.simulator.world;
  const ids = madeBy(runs);
  // Both images exist: one has the name, the other one was replaced.
  for (const id of ids) expect(images.find((image) => image.id === id)?.status).toBe('Available');
  expect(watch.holders()).toHaveLength(1);
  expect(ids).toContain(watch.holders()[0]?.id);
  expect(watch.left().filter((one) => !isAside(one))).toEqual([]);
  const aside = watch.left().filter(isAside);
  expect(aside).toHaveLength(1);
  // The run that replaced it tells how to delete it.
  const id = /-replaced-(\S+)/.exec(aside[0] ?? '')?.[1] ?? '';
  const warnings = runs.flatMap((run) => annotations(run, 'warning')).filter((text) => text.includes('kept as'));
  expect(warnings).toEqual([expect.stringContaining(`aliyun ecs DeleteImage --RegionId cn-beijing --ImageId ${id}`)]);
  expect(watch.seen).toEqual([]);

  // The next forced run deletes the replaced image.
  const next = await scene.main({}, { env: { GITHUB_RUN_ID: '5003' } });
  expect(next.conclusion, next.log).toBe('success');
  expect(watch.left()).toEqual([]);
  await scene.close();
});
