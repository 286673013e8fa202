import type { Advice } from './entry.ts';

/** The bucket and the staged object. */
export const BUCKET: Advice[] = [
  {
    codes: ['InvalidAccountStatus.OSSDisabled', 'UserDisable'],
    cause: 'OSS is not activated for this account, or was suspended.',
    fix: 'Activate OSS in the console.',
  },
  {
    codes: ['PublicEndpointForbidden'],
    cause:
      'Accounts that activated OSS after 2025-03-20 cannot transfer data over the public endpoints of buckets in mainland China.',
    fix: 'Either stage elsewhere (region: cn-hongkong with a bucket there and image_copy_regions: cn-beijing, or whichever region you need), or use a self-hosted runner inside Alibaba Cloud with custom_endpoint_oss: oss-<region>-internal.aliyuncs.com, or bind your own domain to the bucket and pass it as custom_endpoint_oss.',
  },
  {
    codes: ['NoSuchBucket'],
    cause: 'The bucket was deleted while the action was running.',
    fix: 'Run again: the bucket is then created.',
  },
  {
    codes: ['BucketAlreadyExists', 'BucketNotBelongTo', 'BucketIsForeign'],
    cause: 'The bucket belongs to another account; bucket names are shared by everyone.',
    fix: 'Choose another oss_bucket_name.',
  },
  {
    codes: ['TooManyBuckets'],
    cause: 'The account has reached its limit of buckets in this region.',
    fix: 'Name an existing bucket in oss_bucket_name.',
  },
  {
    codes: ['BucketElsewhere', 'InvalidOSSBucket.NotMatched'],
    cause: 'ECS reads only from a bucket in its own region.',
    fix: 'Set region to the region of the bucket, or name a bucket in region (it is created when it does not exist).',
  },
  {
    codes: ['BucketEncrypted', 'InvalidOSSBucket.EncryptUnsupported'],
    cause: 'ECS does not import from a bucket that encrypts its objects by default.',
    fix: 'Turn off the default encryption of the bucket, or name another bucket in oss_bucket_name.',
  },
  {
    codes: ['InvalidOSSBucket.NotFound', 'InvalidOSSBucket.Malformed'],
    cause: 'ECS does not find the bucket.',
    fix: 'Check oss_bucket_name and region.',
  },
  { codes: ['InvalidOSSBucket.FlowLimit'], cause: 'OSS limits the traffic of this bucket.', fix: 'Run again later.' },
  {
    codes: ['ForeignObject', 'FileAlreadyExists'],
    cause: 'An object under this key was not made by this run, and is not overwritten.',
    fix: 'Remove it, or choose another oss_key_name, or leave it empty.',
  },
  {
    codes: ['InvalidOSSObject.NotFound', 'InvalidOSSObject.Malformed'],
    cause: 'ECS does not find the staged object.',
    fix: 'Something else deleted it (a lifecycle rule?). Run again.',
  },
  { codes: ['InvalidOSSObject.Size'], cause: 'The staged object is empty.', fix: 'Check the file that path names.' },
  {
    codes: ['InvalidOSSObject.NeedRestore'],
    cause: 'The staged object is in an archive storage class.',
    fix: 'Remove the rule that archives objects in this bucket, or name another bucket.',
  },
  {
    codes: ['UnsupportedSuffix.OSSObject'],
    cause: 'ECS does not take an object with this suffix.',
    fix: 'End oss_key_name in .raw, .vhd or .qcow2, or leave it empty.',
  },
  {
    codes: ['IntegrityMismatch'],
    cause: 'The object in the bucket differs from the file.',
    fix: 'Run again; nothing was imported.',
  },
  {
    codes: ['ObjectReplaced'],
    cause: 'Somebody replaced or deleted the staged object while ECS read it.',
    fix: 'Do not use the image in this message. Delete it, and run again with a key that nobody else writes to: leave oss_key_name empty.',
  },
  {
    codes: ['FileImmutable'],
    cause: 'The retention policy of the bucket does not let the object be deleted yet.',
    fix: 'Delete it when the retention period has ended, or name another bucket in oss_bucket_name.',
  },
];
