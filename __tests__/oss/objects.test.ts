import { describe, expect, it } from 'vitest';
import { inspectBucket, makeBucket } from '../../src/oss/bucket.ts';
import { abortUpload, headObject, removeObject, listUploads } from '../../src/oss/objects.ts';
import { spelled } from '../support/spellings.ts';
import { counts, openClient, openLab, MARK, staging, type Lab } from './lab.ts';

const { isOurs } = staging();
const MARKED = { headers: { 'x-oss-meta-alicloud-import': MARK } };
const objects = (lab: Lab) => [...(lab.simulator.world.bucket('packer')?.objects.keys() ?? [])];
const put = (lab: Lab, key: string, some = {}) => lab.simulator.world.putObject('packer', key, Buffer.from('x'), some);

/** A client of a user who has only these rights. */
const poor = (lab: Lab, ...Action: string[]) => {
  const { simulator } = lab;
  const user = simulator.world.addUser(simulator.account, 'poor', [{ Effect: 'Allow', Action, Resource: '*' }]);
  return openClient(simulator, user).oss;
};

describe('an object is deleted only if it is ours', () => {
  it.each<[string, object, { etag?: string; derived?: boolean }, boolean]>([
    ['our mark', MARKED, {}, true],
    ['the ETag that we completed', {}, { etag: 'same' }, true],
    ['another ETag', {}, { etag: '"00"' }, false],
    ['the mark of another execution', { headers: { 'x-oss-meta-alicloud-import': MARK.replace('1', '2') } }, {}, false],
    ['no mark, even under a derived key', {}, { derived: true }, false],
  ])('by %s', async (_, object, claim, gone) => {
    const lab = await openLab();
    const { etag } = await put(lab, 'k', object);
    const all = { key: 'k', isOurs, derived: false, ...claim, ...(claim.etag === 'same' && { etag }) };
    expect(await removeObject(lab.oss, all)).toBe(gone);
    expect(objects(lab)).toEqual(gone ? [] : ['k']);
  });

  it('and without the right to read it, only under a derived key or if we completed it', async () => {
    const lab = await openLab();
    const oss = poor(lab, 'oss:DeleteObject');
    for (const key of ['mine', 'made', 'theirs']) await put(lab, key);
    expect(await removeObject(oss, { key: 'theirs', isOurs, derived: false })).toBe(false);
    expect(await removeObject(oss, { key: 'made', isOurs, etag: '"1"', derived: false })).toBe(true);
    expect(await removeObject(oss, { key: 'mine', isOurs, derived: true })).toBe(true);
    expect(objects(lab)).toEqual(['theirs']);
  });

  it('with versions: ours is deleted, and the older one of the user becomes current', async () => {
    const lab = await openLab();
    const bucket = lab.simulator.world.bucket('packer');
    if (bucket) bucket.versioning = 'Enabled';
    const theirs = await put(lab, 'k');
    const { versionId, etag } = await put(lab, 'k', MARKED);
    expect(await removeObject(lab.oss, { key: 'k', isOurs, etag: `${etag}x`, versionId, derived: false })).toBe(true);
    expect(bucket?.objects.get('k')).toEqual([theirs]);
  });

  it('with versions: ours is deleted even if somebody has written a newer one', async () => {
    const lab = await openLab();
    const bucket = lab.simulator.world.bucket('packer');
    if (bucket) bucket.versioning = 'Enabled';
    const { versionId, etag } = await put(lab, 'k', MARKED);
    const theirs = await put(lab, 'k');
    expect(await removeObject(lab.oss, { key: 'k', isOurs, etag, versionId, derived: false })).toBe(true);
    expect(bucket?.objects.get('k')).toEqual([theirs]);
  });
});

describe('unfinished uploads', () => {
  it('are those with the prefix, page by page, and are aborted once', async () => {
    const lab = await openLab();
    const begin = (key: string) =>
      lab.oss.call('oss:InitiateMultipartUpload', (sdk) => sdk.initMultipartUpload(key, { headers: {}, mime: 'a/b' }));
    for (const key of ['k', 'k', 'k.zeros', 'kk', 'a']) await begin(key);
    const uploads = lab.simulator.world.bucket('packer')?.uploads;
    for (let more = 0; more < 1500; more++) {
      const id = `more-${more}`;
      uploads?.set(id, { id, key: 'k', initiated: 0, storageClass: 'Standard', headers: {}, parts: new Map() });
    }
    const found = await listUploads(lab.oss, 'k');
    expect(new Set(found.map(({ id }) => id)).size).toBe(1504);
    expect(new Set(found.map(({ key }) => key))).toEqual(new Set(['k', 'k.zeros', 'kk']));
    expect(counts(lab).ListMultipartUploads).toBe(2);
    await abortUpload(lab.oss, 'k', found[0]?.id ?? '');
    await abortUpload(lab.oss, 'k', found[0]?.id ?? '');
    expect(uploads?.size).toBe(1504);
  });
});

describe('the bucket', () => {
  it('is read', async () => {
    const lab = await openLab();
    const bucket = lab.simulator.world.bucket('packer');
    const state = { exists: true, region: 'cn-beijing', owner: lab.simulator.account.id, denied: [] };
    expect(await inspectBucket(lab.oss)).toEqual({ ...state, encryption: undefined });
    Object.assign(bucket ?? {}, { versioning: 'Suspended', encryption: { algorithm: 'KMS' } });
    expect(await inspectBucket(lab.oss)).toEqual({ ...state, encryption: 'KMS' });
    lab.simulator.world.buckets = [];
    expect(await inspectBucket(lab.oss)).toEqual({ exists: false, denied: [] });
  });

  it('is looked up in the list if GetBucketInfo is refused', async () => {
    const lab = await openLab();
    const denied = ['oss:GetBucketInfo'];
    const listing = poor(lab, 'oss:ListBuckets');
    expect(await inspectBucket(listing)).toEqual({ exists: true, region: 'cn-beijing', denied });
    expect(await inspectBucket(poor(lab, 'oss:PutObject'))).toEqual({
      exists: true,
      denied: [...denied, 'oss:ListBuckets'],
    });
  });

  it('is not found in a list that is printed with white space', async () => {
    const lab = await openLab();
    lab.simulator.world.buckets = lab.simulator.world.buckets.filter(({ name }) => name !== 'packer');
    lab.simulator.world.addBucket(lab.simulator.world.addAccount(), 'packer');
    lab.simulator.spelling = spelled('layout');
    const state = await inspectBucket(poor(lab, 'oss:ListBuckets'));
    expect(state).toEqual({ exists: false, denied: ['oss:GetBucketInfo'] });
    expect(counts(lab).ListBuckets).toBe(1);
  });

  it('is created with one lifecycle rule, or without it if that is refused', async () => {
    const lab = await openLab();
    const { world } = lab.simulator;
    world.buckets = [];
    await makeBucket(lab.oss);
    expect(world.bucket('packer')).toMatchObject({ region: 'cn-beijing', storageClass: 'Standard' });
    expect(world.bucket('packer')?.lifecycle).toMatch(
      /<Prefix>alicloud-import\/<\/Prefix>.*<AbortMultipartUpload><Days>7<\/Days>/s,
    );
    world.buckets = [];
    await makeBucket(poor(lab, 'oss:PutBucket'));
    expect(world.bucket('packer')?.lifecycle).toBeUndefined();
    expect(await headObject(lab.oss, 'k')).toBeUndefined();
  });
});

it('a new bucket that is seen late gets its lifecycle rule', async () => {
  const lab = await openLab();
  const { world, faults } = lab.simulator;
  world.buckets = [];
  faults.push({ operation: 'oss:PutBucketLifecycle', kind: 'error', code: 'NoSuchBucket', status: 404, nth: 1 });
  await makeBucket(lab.oss);
  expect(world.bucket('packer')?.lifecycle).toContain('<Days>7</Days>');
});

it('a request that Node refuses to send ends at once, with the reason', async () => {
  const lab = await openLab();
  const { oss } = openClient(lab.simulator, { ...lab.simulator.admin, accessKeyId: 'LTAI\nsecret' });
  const error = (await headObject(oss, 'k').catch((thrown: unknown) => thrown)) as Error & { code: string };
  expect(error.code).toBe('ERR_INVALID_CHAR');
  expect(error.message).toContain('authorization');
  expect(error.message).not.toContain('secret');
  expect(lab.simulator.record).toEqual([]);
});
