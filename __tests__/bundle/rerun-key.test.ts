import { expect, test } from 'vitest';
import { arrange, BUCKET } from '../support/endings.ts';
import { age, killAt } from '../support/kill.ts';

const AGAIN = { env: { GITHUB_RUN_ATTEMPT: '2' } };

test("under the user's key, an upload whose id was lost with the answer is ended; those of others are not", async () => {
  const arranged = await arrange({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  const { scene, watch } = arranged;
  const { simulator } = scene;
  const uploads = simulator.world.bucket(BUCKET)?.uploads;
  await killAt(arranged, { operation: 'oss:InitiateMultipartUpload', nth: 1 }, 'after');
  expect(watch.left()).toEqual(['upload images/disk.raw']);
  // Another run begins at the same moment under the same key, and sends its first part while post watches.
  const begun = { initiated: simulator.now(), storageClass: 'Standard', headers: {}, parts: new Map() };
  uploads?.set('C', { ...begun, id: 'C', key: 'images/disk.raw' });
  simulator.before = ({ operation }) => {
    const part = { number: 1, extents: [], size: 1, etag: '"A"', crc: 0n, modified: simulator.now() };
    if (operation === 'oss:ListParts') uploads?.get('C')?.parts.set(1, part);
  };
  const post = await scene.post();
  expect(post.log).not.toContain('##[warning]');
  expect(watch.left()).toEqual([]);
  expect([...(uploads?.keys() ?? [])].sort()).toEqual(['A', 'B', 'C', 'Y', 'Z']);
  await scene.close();
});

test("under the user's key, a later attempt joins an upload that was told to stay, or to which nobody has added for ten minutes", async () => {
  const arranged = await arrange({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  const { scene } = arranged;
  const uploads = scene.simulator.world.bucket(BUCKET)?.uploads;
  await killAt(arranged, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  const [dead = ''] = [...(uploads?.keys() ?? [])].filter((id) => id.length > 1);
  const early = await scene.main({}, AGAIN);
  expect(early.conclusion, early.log).toBe('success');
  expect(early.log).not.toContain('Going on with');
  expect(uploads?.has(dead)).toBe(true);
  await scene.close();

  const kept = await arrange({ title: '', inputs: { oss_key_name: 'images/disk.raw', skip_clean: 'true' } });
  await killAt(kept, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  expect((await kept.scene.main({}, AGAIN)).log).toContain('Going on with an unfinished upload');
  await kept.scene.close();

  const late = await arrange({ title: '', inputs: { oss_key_name: 'images/disk.raw' } });
  await killAt(late, { operation: 'oss:UploadPart', nth: 2 }, 'after');
  age(late.scene);
  const again = await late.scene.main({}, AGAIN);
  expect(again.log).toContain('Going on with an unfinished upload');
  expect(late.watch.left()).toEqual([]);
  await late.scene.close();
});
