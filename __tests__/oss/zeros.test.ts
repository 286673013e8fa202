import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { abortUpload, removeObject, listUploads } from '../../src/oss/objects.ts';
import { zeroKeys } from '../../src/oss/zeros.ts';
import { pseudoRandom } from '../support/scene.ts';
import { counts, inChild, isFile, KEY, MIB, openClient, openFile, openLab, sent, staging, type Lab } from './lab.ts';
import { upload } from '../../src/oss/upload.ts';

/** A MiB of data, zeros, a MiB of data. */
async function disk(lab: Lab, zeros: number) {
  const path = join(lab.directory, 'disk');
  const source = await openFile(path, zeros + 2 * MIB, [
    [0, pseudoRandom(MIB, 1)],
    [MIB + zeros, pseudoRandom(MIB, 2)],
  ]);
  return { path, source };
}

/** Removes the zero object and its seed, as the action does after the upload. */
async function cleanUp(lab: Lab): Promise<void> {
  for (const key of Object.values(zeroKeys(KEY))) {
    for (const { id } of await listUploads(lab.oss, key)) await abortUpload(lab.oss, key, id);
    await removeObject(lab.oss, { key, isOurs: staging().isOurs, derived: true });
  }
}

describe('zeros', () => {
  it('are copied from an object of zeros, which is announced before it is made', async () => {
    const lab = await openLab();
    const { path, source } = await disk(lab, 200 * MIB);
    let announced = -1;
    const staged = await upload(
      lab.oss,
      source,
      staging({ onZeros: () => (announced = sent(lab, 'PutObject').length) }),
    );
    expect(announced).toBe(0);
    expect(staged.sent).toBe(2 * MIB);
    expect(await isFile(lab, path)).toBe(true);
    expect(counts(lab).UploadPartCopy).toBe(16 + 13);
  });

  it('are sent as data if they are few', async () => {
    const lab = await openLab();
    const { path, source } = await disk(lab, 7 * MIB);
    const staged = await upload(lab.oss, source, staging({ onZeros: () => expect.unreachable() }));
    expect(staged.sent).toBe(9 * MIB);
    expect(await isFile(lab, path)).toBe(true);
    expect(counts(lab)).toMatchObject({ InitiateMultipartUpload: 1 });
  });
});

describe('zeros are sent as data if copies are refused', () => {
  const denied = { Effect: 'Deny', Action: 'oss:GetObject', Resource: '*' } as const;

  it('by a policy of the bucket', async () => {
    const lab = await openLab();
    const bucket = lab.simulator.world.bucket('packer');
    bucket?.policy.push({ ...denied, Resource: 'acs:oss:*:*:packer/*.seed' });
    const { path, source } = await disk(lab, 130 * MIB);
    const staged = await upload(lab.oss, source, staging());
    expect(staged.sent).toBe(132 * MIB);
    expect(await isFile(lab, path)).toBe(true);
    // There is no second try.
    expect(counts(lab).UploadPartCopy).toBe(1);
    expect(lab.lines).toContain('No copies inside the bucket (AccessDenied): zeros are sent as data.');
    await cleanUp(lab);
    expect([...(bucket?.objects.keys() ?? [])]).toEqual([KEY]);
    expect(bucket?.uploads.size).toBe(0);
  });

  it('by RAM: a user without oss:GetObject', async () => {
    const lab = await openLab();
    const user = lab.simulator.world.addUser(lab.simulator.account, 'poor', [
      { Effect: 'Allow', Action: ['oss:PutObject', 'oss:ListParts', 'oss:DeleteObject'], Resource: '*' },
    ]);
    const { path, source } = await disk(lab, 20 * MIB);
    const staged = await upload(openClient(lab.simulator, user).oss, source, staging());
    expect(staged.sent).toBe(22 * MIB);
    expect(await isFile(lab, path)).toBe(true);
  });

  it('because the upload of the zero object is gone: the upload of the disk goes on', async () => {
    const lab = await openLab();
    lab.simulator.faults.push({
      operation: 'oss:UploadPartCopy',
      kind: 'error',
      code: 'NoSuchUpload',
      status: 404,
      nth: 2,
    });
    const { path, source } = await disk(lab, 20 * MIB);
    const staged = await upload(lab.oss, source, staging());
    expect(staged.sent).toBe(22 * MIB);
    expect(await isFile(lab, path)).toBe(true);
    expect(sent(lab, 'InitiateMultipartUpload').filter(({ key }) => key === KEY)).toHaveLength(1);
  });

  it('in the middle: the zero object is gone', async () => {
    const lab = await openLab();
    let copies = 0;
    lab.simulator.after = ({ operation, key }) => {
      if (operation === 'oss:UploadPartCopy' && key === KEY && ++copies === 12) {
        lab.simulator.world.bucket('packer')?.objects.delete(zeroKeys(KEY).object);
      }
    };
    const { source } = await disk(lab, 18 * 64 * MIB);
    const staged = await upload(lab.oss, source, staging());
    expect(staged.sent).toBeLessThan(7 * 64 * MIB);
    expect(staged.crc64).toBe(String(lab.simulator.world.object('packer', KEY)?.crc));
    expect(staged.sent).toBeGreaterThan(64 * MIB);
    expect(lab.lines.filter((line) => line.includes('NoSuchKey'))).toHaveLength(1);
  });

  it('but not for a passing fault of the service', async () => {
    const lab = await openLab({ speed: 5 });
    lab.simulator.faults.push({ operation: 'oss:UploadPartCopy', kind: 'status-503', nth: 1, times: 3 });
    lab.simulator.faults.push({ operation: 'oss:PutObject', kind: 'reset', nth: 1 });
    const { path, source } = await disk(lab, 100 * MIB);
    const staged = await upload(lab.oss, source, staging());
    expect(staged.sent).toBe(2 * MIB);
    expect(await isFile(lab, path)).toBe(true);
  });
});

it('a zero object that takes minutes to make is still used', async () => {
  const speed = 60;
  const lab = await openLab({ speed });
  // The first try of the seed stalls for longer than the patience of copies, two minutes.
  lab.simulator.faults.push({ operation: 'oss:PutObject', kind: 'stall', nth: 1 });
  const { path } = await disk(lab, 100 * MIB);
  const { staged } = await inChild(lab, { path }, { speed });
  expect(staged?.sent).toBe(2 * MIB);
  expect(await isFile(lab, path)).toBe(true);
});

describe('buckets of all kinds', () => {
  it('with the default class Archive: the objects are Standard', async () => {
    const lab = await openLab();
    const bucket = lab.simulator.world.bucket('packer');
    if (bucket) bucket.storageClass = 'Archive';
    const { path, source } = await disk(lab, 20 * MIB);
    await upload(lab.oss, source, staging());
    const classes = [...(bucket?.objects.values() ?? [])].flat().map(({ storageClass }) => storageClass);
    expect(classes).toEqual(['Standard', 'Standard', 'Standard']);
    expect(await isFile(lab, path)).toBe(true);
  });

  it.each(['Enabled', 'Suspended'] as const)(
    'with versioning %s: no version and no delete marker stays',
    async (versioning) => {
      const lab = await openLab();
      const bucket = lab.simulator.world.bucket('packer');
      if (bucket) bucket.versioning = versioning;
      // A lost answer, so that the seed is written twice.
      lab.simulator.faults.push({ operation: 'oss:PutObject', kind: 'reset', when: 'after', nth: 1 });
      const { source } = await disk(lab, 20 * MIB);
      const { etag, versionId } = await upload(lab.oss, source, staging());
      expect(versionId).toBe(bucket?.objects.get(KEY)?.[0]?.versionId);
      await cleanUp(lab);
      expect([...(bucket?.objects.keys() ?? [])]).toEqual([KEY]);
      expect(await removeObject(lab.oss, { key: KEY, isOurs: staging().isOurs, etag, versionId, derived: true })).toBe(
        true,
      );
      expect(await removeObject(lab.oss, { key: KEY, isOurs: staging().isOurs, etag, versionId, derived: true })).toBe(
        true,
      );
      expect(bucket?.objects.size).toBe(0);
    },
  );
});
