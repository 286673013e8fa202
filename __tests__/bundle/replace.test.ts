import { expect, test } from 'vitest';
import type { Image, Simulator } from '../../simulator/index.ts';
import { annotations, deny, quickScene, recordFrom, theError } from '../support/quick.ts';
import { requests, type Scene } from '../support/scene.ts';

const NAME = 'nightly';
const REPLACE = { image_name: NAME, image_force_delete: 'true' };
const run = (id: number) => ({ env: { GITHUB_RUN_ID: String(id) } });

/** Ids by name. */
const names = ({ world }: Simulator): Record<string, string> =>
  Object.fromEntries(world.images.map(({ name, id }) => [shortened(name), id]));

/** A temporary name without owner, attempt and nonce. */
const shortened = (name = '') => name.replace(/-importing-[\da-f]{16}-\d+-[\da-f]{8}$/, '-importing');

async function oldScene(some: Partial<Image> = {}): Promise<{ scene: Scene; old: Image }> {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  return { scene, old: world.addImage(account, NAME, some) };
}

test('image_force_delete: the old image is renamed once the new one is Available, and deleted last', async () => {
  const { scene, old } = await oldScene();
  const { simulator } = scene;
  const steps: string[] = [];
  simulator.before = ({ operation, params = {} }) => {
    const who = params.ImageId === old.id ? 'old' : 'new';
    const states = simulator.world.images.map(({ id, status }) => (id === old.id ? `old ${status}` : status)).join();
    if (/(ImportImage|ModifyImageAttribute|DeleteImage)$/.test(operation))
      steps.push(`${operation.slice(4)} ${who} ${shortened(params.ImageName)} (${states})`);
  };
  const main = await scene.main(REPLACE);
  await scene.post(REPLACE);
  expect(main.conclusion, main.log).toBe('success');
  expect(steps).toEqual([
    'ImportImage new nightly-importing (old Available)',
    `ModifyImageAttribute old nightly-replaced-${old.id} (old Available,Available)`,
    'ModifyImageAttribute new nightly (old Available,Available)',
    'DeleteImage old  (old Available,Available)',
  ]);
  expect(requests(scene, 'ecs:DeleteImage')[0]?.params).not.toHaveProperty('Force');
  expect(names(simulator)).toEqual({ [NAME]: main.outputs.image_id });
  expect(main.outputs.replaced_image_id).toBe(old.id);
  expect(main.summary).toContain(old.id);
});

test('without image_force_delete, the old image is an error before the upload', async () => {
  const { scene, old } = await oldScene({ status: 'Creating' });
  const error = theError(await scene.main({ image_name: NAME }));
  expect(error).toMatch(/^Nothing was uploaded.\n- .*InvalidImageName.Duplicated.*image_force_delete: true/);
  expect(error).toContain(`${old.id} (Creating)`);
  expect(requests(scene, 'oss:InitiateMultipartUpload')).toEqual([]);
});

test.each<[string, Partial<Image>, string]>([
  ['in use', { usedByInstance: true }, 'ImageUsingByInstance'],
  ['shared', { sharedWith: ['1999999999999999'] }, 'ImageUseShared'],
])('an old image that is %s is only renamed, and the next forced run deletes it', async (_, state, code) => {
  const { scene, old } = await oldScene(state);
  const { simulator } = scene;
  const first = await scene.main(REPLACE, run(1));
  expect(first.conclusion, first.log).toBe('success');
  const aside = `nightly-replaced-${old.id}`;
  expect(names(simulator)).toEqual({ [NAME]: first.outputs.image_id, [aside]: old.id });
  const [warning = ''] = annotations(first, 'warning');
  expect(warning).toContain(`is now named ${aside} (${code}`);
  expect(warning).toContain(`aliyun ecs DeleteImage --RegionId cn-beijing --ImageId ${old.id}`);
  expect(first.outputs.replaced_image_id).toBe(old.id);

  Object.assign(simulator.world.images.find(({ id }) => id === old.id) ?? {}, {
    usedByInstance: false,
    sharedWith: [],
  });
  const second = await scene.main(REPLACE, run(2));
  expect(second.conclusion, second.log).toBe('success');
  expect(names(simulator)).toEqual({ [NAME]: second.outputs.image_id });
  expect(annotations(second, 'warning')).toEqual([]);
});

test('without the right to rename, nothing is uploaded', async () => {
  const { scene, old } = await oldScene();
  deny(scene, 'ecs:ModifyImageAttribute');
  const error = theError(await scene.main(REPLACE));
  expect(error).toMatch(/^Nothing was uploaded\.\n- ecs:ModifyImageAttribute failed: Forbidden\.RAM/);
  expect(names(scene.simulator)).toEqual({ [NAME]: old.id });
  expect(requests(scene, 'oss:InitiateMultipartUpload')).toEqual([]);
});

test('when the rename is denied after the import, both images are kept, the error says which one holds the name, and the new one is output', async () => {
  const { scene, old } = await oldScene();
  const { simulator } = scene;
  let denied = false;
  simulator.before = ({ operation }) => {
    if (denied || operation !== 'oss:CompleteMultipartUpload') return;
    denied = true;
    deny(scene, 'ecs:ModifyImageAttribute');
  };
  const main = await scene.main(REPLACE);
  const post = await scene.post(REPLACE);
  const error = theError(main);
  const fresh = main.outputs.image_id ?? '';
  expect(fresh).toMatch(/^m-/);
  expect(names(simulator)).toEqual({ [NAME]: old.id, 'nightly-importing': fresh });
  expect(error).toMatch(/ecs:ModifyImageAttribute failed: Forbidden.RAM/);
  expect(error).toContain(old.id);
  expect(error).toContain(fresh);
  expect(error).toContain('nightly-importing-');
  expect(main.summary).toContain('nightly-importing-');
  expect(simulator.world.bucket('packer')?.objects.size).toBe(0);
  expect(annotations(post, 'warning')).toEqual([]);
});

test("under the user's key, an image whose object was replaced during the import is deleted, and the run is red", async () => {
  const { scene } = await oldScene();
  const { simulator } = scene;
  const { world } = simulator;
  const bucket = world.bucket('packer');
  if (bucket) bucket.versioning = 'Enabled';
  simulator.before = async ({ operation }) => {
    const isImported = world.images.some(({ name, status }) => name === 'new' && status === 'Available');
    if (operation === 'oss:HeadObject' && isImported && bucket?.objects.get('images/disk.raw')?.length === 1)
      await world.putObject('packer', 'images/disk.raw', Buffer.from('other bytes'));
  };
  const main = await scene.main({ image_name: 'new', oss_key_name: 'images/disk.raw' });
  const error = theError(main);
  expect(error).toMatch(/ObjectReplaced: .* image m-\w+ may have other content, so it is deleted/);
  expect(main.outputs.image_id).toBe('');
  await scene.post({ image_name: 'new', oss_key_name: 'images/disk.raw' });
  expect(world.images.filter(({ name }) => name === 'new')).toEqual([]);
  // The run's own object is deleted, the other one is kept.
  expect(bucket?.objects.get('images/disk.raw')).toHaveLength(1);
});

test('an old image that somebody renames during the import is not deleted', async () => {
  const { scene, old } = await oldScene();
  const { simulator } = scene;
  simulator.before = ({ operation }) => {
    if (operation === 'oss:CompleteMultipartUpload') old.name = 'nightly-keep';
  };
  const main = await scene.main(REPLACE);
  expect(main.conclusion, main.log).toBe('success');
  expect(names(simulator)).toEqual({ 'nightly-keep': old.id, [NAME]: main.outputs.image_id });
});

test('a failed import leaves the old image untouched', async () => {
  const { scene, old } = await oldScene();
  const { simulator } = scene;
  simulator.world.nextImportFails = { code: 'ImportImageFailed', message: 'no kernel in it' };
  const record = recordFrom(scene);
  expect(theError(await scene.main(REPLACE))).toMatch(/ImportImageFailed: .*no kernel in it/);
  expect(names(simulator)).toEqual({ [NAME]: old.id });
  const renames = record().filter(({ operation }) => operation === 'ecs:ModifyImageAttribute');
  expect(renames).toEqual([]);
});
