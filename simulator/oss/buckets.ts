import type { OssCall } from '../call.ts';
import type { OssHandlers } from '../table.ts';
import { iso } from '../clock.ts';
import type { Bucket } from '../entities.ts';
import { fail } from '../errors.ts';
import { locationOf } from '../hosts.ts';
import { shape } from '../shape.ts';
import { inside } from '../xml.ts';
import { ok, page } from './answers.ts';

export const BUCKETS: OssHandlers = {
  ListBuckets: listBuckets,
  PutBucket: putBucket,
  GetBucketInfo: getBucketInfo,
  GetBucketWorm: (call) => {
    const { worm } = call.bucket;
    if (worm === undefined) return fail('NoSuchWORMConfiguration', { BucketName: call.bucket.name });
    return ok('WormConfiguration', { State: worm.state, RetentionPeriodInDays: worm.days });
  },
  PutBucketEncryption: async (call) => {
    const text = await call.text();
    const [algorithm] = inside(text, 'SSEAlgorithm');
    const [kmsKeyId] = inside(text, 'KMSMasterKeyID');
    // SM4 and an account without KMS are not simulated.
    if (algorithm !== 'KMS' && algorithm !== 'AES256') fail('MalformedXML');
    call.bucket.encryption = { algorithm, ...(kmsKeyId !== undefined && { kmsKeyId }) };
    return { status: 200 };
  },
  PutBucketLifecycle: async (call) => {
    const text = await call.text();
    const rules = inside(text, 'Rule');
    const valid = rules.every((rule) => /<Prefix>|<Prefix\/>/.test(rule) && /<Status>(Enabled|Disabled)</.test(rule));
    if (rules.length === 0 || !valid) fail('MalformedXML');
    call.bucket.lifecycle = text;
    return { status: 200 };
  },
  DeleteBucket: (call) => {
    const { bucket, world } = call;
    if (bucket.objects.size + bucket.uploads.size > 0) fail('BucketNotEmpty', { BucketName: bucket.name });
    world.buckets = world.buckets.filter((one) => one !== bucket);
    return { status: 204 };
  },
};

function facts(bucket: Bucket) {
  const location = locationOf(bucket.region);
  return {
    ...shape('Name=name StorageClass=storageClass', bucket),
    CreationDate: iso(bucket.created),
    ExtranetEndpoint: `${location}.aliyuncs.com`,
    IntranetEndpoint: `${location}-internal.aliyuncs.com`,
    Location: location,
  };
}

const ownBuckets = ({ world, account }: OssCall) => world.buckets.filter(({ owner }) => owner === account.id);

function listBuckets(call: OssCall) {
  const { prefix = '', marker = '', 'max-keys': max = '100' } = call.query;
  const { id } = call.account;
  const rest = ownBuckets(call).filter(({ name }) => name.startsWith(prefix) && name > marker);
  const { shown, next } = page(rest, ({ name }) => name, max);
  const asked = next !== undefined || prefix !== '' || marker !== '';
  return ok('ListAllMyBucketsResult', {
    ...(asked && { Prefix: prefix, Marker: marker, MaxKeys: max, IsTruncated: next !== undefined }),
    NextMarker: next?.name,
    Owner: { ID: id, DisplayName: id },
    Buckets: { Bucket: shown.map((bucket) => ({ ...facts(bucket), Region: bucket.region })) },
  });
}

async function putBucket(call: OssCall) {
  const { name } = call.bucket;
  const text = await call.text();
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) fail('InvalidBucketName', { BucketName: name });
  const region = call.target.region ?? 'cn-hangzhou';
  const storageClass = inside(text, 'StorageClass')[0] ?? call.headers['x-oss-storage-class'] ?? 'Standard';
  const there = call.world.bucket(name);
  const taken = { BucketName: name, EC: '0015-00000107' };
  if (there && there.owner !== call.account.id) fail('BucketAlreadyExists', taken);
  if (there && (there.region !== region || there.storageClass !== storageClass))
    fail('BucketAlreadyExists', 'The bucket you want to create exists with other settings.', taken);
  if (!there && ownBuckets(call).filter((one) => one.region === region).length >= 100) fail('TooManyBuckets');
  if (!there) call.world.addBucket(call.account, name, { region, storageClass });
  return { status: 200, headers: { location: `/${name}` } };
}

function getBucketInfo(call: OssCall) {
  const { bucket } = call;
  const { algorithm = 'None', kmsKeyId } = bucket.encryption ?? {};
  return ok('BucketInfo', {
    Bucket: {
      ...facts(bucket),
      TransferAcceleration: bucket.accelerated ? 'Enabled' : 'Disabled',
      Owner: { DisplayName: bucket.owner, ID: bucket.owner },
      AccessControlList: { Grant: 'private' },
      ServerSideEncryptionRule: { SSEAlgorithm: algorithm, KMSMasterKeyID: kmsKeyId },
      BucketPolicy: { LogBucket: '', LogPrefix: '' },
      Versioning: bucket.versioning,
    },
  });
}
