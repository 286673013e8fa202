import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { collect } from '../../simulator/store.ts';
import { type Oss, code, oss, user } from './clients.ts';

let simulator: Simulator;
let client: Oss;

beforeAll(async () => {
  simulator = await startSimulator();
  client = oss(simulator);
});
afterEach(() => {
  expect(simulator.record.filter(({ violation }) => violation?.startsWith('simulator'))).toEqual([]);
});
afterAll(() => simulator.close());

describe('buckets', () => {
  it('are listed, described and created', async () => {
    const { buckets, owner } = await client.listBuckets({ prefix: 'pack', 'max-keys': 10 });
    expect(buckets.map(({ name }) => name)).toEqual(['packer']);
    expect(owner.id).toBe(simulator.account.id);
    const { bucket } = await client.getBucketInfo('packer');
    expect(bucket).toMatchObject({
      Location: 'oss-cn-beijing',
      Owner: { ID: simulator.account.id },
      StorageClass: 'Standard',
    });
    await client.putBucket('mine');
    await client.putBucket('mine');
    simulator.world.addBucket(simulator.world.addAccount(), 'theirs');
    expect(await code(client.putBucket('theirs'))).toBe('BucketAlreadyExists');
    expect(await code(client.getBucketInfo('theirs'))).toBe('AccessDenied');
    expect(await code(client.getBucketInfo('nowhere'))).toBe('NoSuchBucket');
    await client.putBucketEncryption('mine', { SSEAlgorithm: 'AES256' });
    expect((await client.getBucketInfo('mine')).bucket.ServerSideEncryptionRule).toMatchObject({
      SSEAlgorithm: 'AES256',
    });
    expect(await code(client.putBucketEncryption('mine', { SSEAlgorithm: 'DES' }))).toBe('MalformedXML');
  });

  it('are reachable through the endpoint of their region only', async () => {
    const far = oss(simulator, { region: 'oss-cn-hangzhou', endpoint: 'https://oss-cn-hangzhou.aliyuncs.com' });
    expect(await code(far.put('x', Buffer.from('x')))).toBe('AccessDenied');
    expect((await far.getBucketInfo('packer')).bucket.Location).toBe('oss-cn-beijing');
    const wrong = oss(simulator, { region: 'oss-cn-hangzhou' });
    expect(await code(wrong.getBucketInfo('packer'))).toBe('InvalidArgument');
  });

  it('are limited to 100 in each region', async () => {
    const { world, account } = simulator;
    const before = world.buckets;
    for (let n = 0; n < 100; n++) world.addBucket(account, `many-${n}`, { region: 'cn-hangzhou' });
    const far = oss(simulator, { region: 'oss-cn-hangzhou', endpoint: 'https://oss-cn-hangzhou.aliyuncs.com' });
    expect(await code(far.putBucket('one-too-many'))).toBe('TooManyBuckets');
    await client.putBucket('elsewhere');
    world.buckets = before;
  });

  it('keep their lifecycle rules', async () => {
    const rule = { id: 'rule', prefix: 'a/', status: 'Enabled', abortMultipartUpload: { days: 7 } };
    await client.putBucketLifecycle('packer', [{ ...rule }]);
    expect(simulator.world.bucket('packer')?.lifecycle).toContain('<Prefix>a/</Prefix>');
  });

  it('of a new account refuse data operations, and only those, at the public endpoint', async () => {
    const account = simulator.world.addAccount({ publicEndpointForbidden: true });
    simulator.world.addBucket(account, 'new-account');
    const theirs = oss(simulator, { bucket: 'new-account' }, simulator.world.addUser(account, 'admin'));
    await theirs.getBucketInfo('new-account');
    expect(await code(theirs.put('x', Buffer.from('x')))).toBe('PublicEndpointForbidden');
  });
});

describe('objects', () => {
  it('are stored as they were put', async () => {
    const body = randomBytes(3000);
    const { res } = await client.put('a b+c/ü%.raw', body, { meta: { run: '1' } });
    const head = await client.head('a b+c/ü%.raw');
    expect(head.res.headers['x-oss-hash-crc64ecma']).toBe(res.headers['x-oss-hash-crc64ecma']);
    expect(head.meta).toEqual({ run: '1' });
    expect(await collect(simulator.world.readObject('packer', 'a b+c/ü%.raw'))).toEqual(body);
    await client.delete('a b+c/ü%.raw');
    await client.delete('a b+c/ü%.raw');
    expect(await code(client.head('a b+c/ü%.raw'))).toBe('NoSuchKey');
  });

  it('are checked against Content-MD5 and x-oss-forbid-overwrite', async () => {
    const md5 = { headers: { 'Content-MD5': Buffer.alloc(16).toString('base64') } };
    expect(await code(client.put('m', Buffer.from('x'), md5))).toBe('InvalidDigest');
    const once = { headers: { 'x-oss-forbid-overwrite': 'true' } };
    await client.put('once', Buffer.from('x'), once);
    expect(await code(client.put('once', Buffer.from('x'), once))).toBe('FileAlreadyExists');
  });

  it('are written once when two requests with x-oss-forbid-overwrite arrive together', async () => {
    const once = { headers: { 'x-oss-forbid-overwrite': 'true' } };
    const both = ['a', 'b'].map((text) => code(client.put('race', Buffer.from(text), once)));
    expect((await Promise.all(both)).sort()).toEqual(['FileAlreadyExists', 'no error']);
  });

  it('are neither replaced nor deleted under a retention policy', async () => {
    simulator.world.addBucket(simulator.account, 'worm', { worm: { state: 'Locked', days: 30 } });
    const locked = oss(simulator, { bucket: 'worm' });
    await locked.put('kept', Buffer.from('x'));
    expect(await code(locked.put('kept', Buffer.from('y')))).toBe('FileImmutable');
    expect(await code(locked.initMultipartUpload('kept'))).toBe('FileImmutable');
    expect(await code(locked.delete('kept'))).toBe('FileImmutable');
  });

  it.each([0, 1001, 1.5])('are not listed in pages of %d', async (size) => {
    expect(await code(client.listV2({ 'max-keys': size }))).toBe('InvalidArgument');
    expect(await code(client.listUploads({ 'max-uploads': size }))).toBe('InvalidArgument');
  });

  it('are listed by prefix, page by page', async () => {
    for (const key of ['l/a/1', 'l/a/2', 'l/b']) await client.put(key, Buffer.from('x'));
    const { objects, nextContinuationToken } = await client.listV2({ prefix: 'l/', 'max-keys': 2 });
    expect(objects?.map(({ name }) => name)).toEqual(['l/a/1', 'l/a/2']);
    const rest = await client.listV2({ prefix: 'l/', 'continuation-token': nextContinuationToken });
    expect(rest.objects?.map(({ name }) => name)).toEqual(['l/b']);
  });

  it('keep their versions', async () => {
    simulator.world.addBucket(simulator.account, 'versions', { versioning: 'Enabled' });
    const versioned = oss(simulator, { bucket: 'versions' });
    const first = await versioned.put('k', Buffer.from('1'));
    await versioned.put('k', Buffer.from('22'), { headers: { 'x-oss-forbid-overwrite': 'true' } });
    const { res } = await versioned.delete('k');
    expect(res.headers['x-oss-delete-marker']).toBe('true');
    expect(await code(versioned.head('k'))).toBe('NoSuchKey');
    const old = { versionId: first.res.headers['x-oss-version-id'] };
    expect((await versioned.head('k', old)).res.headers['content-length']).toBe('1');
  });
});

describe('rights', () => {
  it('come from the RAM policy and the bucket policy; Deny wins', async () => {
    const any = { Effect: 'Allow', Action: 'oss:*', Resource: 'acs:oss:*:*:packer*' } as const;
    const denied = { Effect: 'Deny', Action: ['oss:DeleteObject'], Resource: '*' } as const;
    const limited = oss(simulator, {}, user(simulator, any, denied as never));
    await limited.put('limited', Buffer.from('x'));
    expect(await code(limited.delete('limited'))).toBe('AccessDenied');
    expect(await code(limited.listBuckets({}))).toBe('AccessDenied');
    simulator.world.addBucket(simulator.account, 'policy', {
      policy: [{ Effect: 'Deny', Action: 'oss:PutObject', Resource: '*/locked/*' }],
    });
    const guarded = oss(simulator, { bucket: 'policy' });
    await guarded.put('open/x', Buffer.from('x'));
    expect(await code(guarded.put('locked/x', Buffer.from('x')))).toBe('AccessDenied');
    expect(simulator.record.at(-1)?.ramActions).toEqual(['oss:PutObject']);
  });

  it('need the right key, clock, token and signature version', async () => {
    const { admin } = simulator;
    expect(await code(oss(simulator, {}, { ...admin, secret: 'wrong' }).head('x'))).toBe('SignatureDoesNotMatch');
    expect(await code(oss(simulator, {}, { ...admin, accessKeyId: 'nobody' }).head('x'))).toBe('InvalidAccessKeyId');
    expect(await code(oss(simulator, {}, { ...admin, token: 'x' }).head('x'))).toBe('InvalidSecurityToken');
    expect(await code(oss(simulator, { amendTimeSkewed: 16 * 60_000 }).head('x'))).toBe('RequestTimeTooSkewed');
    expect(await code(oss(simulator, { authorizationV4: false }).head('x'))).toBe('InvalidRequest');
  });
});
