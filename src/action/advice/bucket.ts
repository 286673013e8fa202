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
    fix: 'Either import in another region and copy (region: cn-hongkong with a bucket there, and image_copy_regions: cn-beijing or the region that you need), or use a self-hosted runner inside Alibaba Cloud with custom_endpoint_oss: oss-<region>-internal.aliyuncs.com, or bind a domain of your own to the bucket and set it as custom_endpoint_oss.',
  },
  {
    codes: ['NoSuchBucket'],
    cause: 'The bucket was deleted while the action was running.',
    fix: 'Run again: the action creates the bucket.',
  },
  {
    codes: ['BucketAlreadyExists', 'BucketNotBelongTo', 'BucketIsForeign'],
    cause: 'The bucket belongs to another account; bucket names are unique across all accounts.',
    fix: 'Choose another oss_bucket_name.',
  },
  {
    codes: ['TooManyBuckets'],
    cause: 'The account has reached its limit of buckets in this region.',
    fix: 'Set oss_bucket_name to an existing bucket.',
  },
  {
    codes: ['BucketElsewhere', 'InvalidOSSBucket.NotMatched'],
    cause: 'ECS reads only from a bucket in its own region.',
    fix: 'Set region to the region of the bucket, or set oss_bucket_name to a bucket in that region (it is created if it does not exist).',
  },
  {
    codes: ['BucketEncrypted', 'InvalidOSSBucket.EncryptUnsupported'],
    cause: 'ECS does not import from a bucket that encrypts its objects by default.',
    fix: 'Turn off the default encryption of the bucket, or choose another oss_bucket_name.',
  },
  {
    codes: ['InvalidOSSBucket.NotFound', 'InvalidOSSBucket.Malformed'],
    cause: 'ECS cannot find the bucket.',
    fix: 'Check oss_bucket_name and region.',
  },
  {
    codes: ['InvalidOSSBucket.FlowLimit'],
    cause: 'OSS throttles the traffic of this bucket.',
    fix: 'Run again later.',
  },
  {
    codes: ['ForeignObject', 'FileAlreadyExists'],
    cause: 'This run did not make the object under this key, so it does not overwrite it.',
    fix: 'Remove the object, or choose another oss_key_name, or leave it empty.',
  },
  {
    codes: ['InvalidOSSObject.NotFound', 'InvalidOSSObject.Malformed'],
    cause: 'ECS cannot find the staged object.',
    fix: 'Something else deleted it, perhaps a lifecycle rule. Check the rules of the bucket and run again.',
  },
  { codes: ['InvalidOSSObject.Size'], cause: 'The staged object is empty.', fix: 'Check the file that path names.' },
  {
    codes: ['InvalidOSSObject.NeedRestore'],
    cause: 'The staged object is in an archive storage class.',
    fix: 'Remove the rule that archives objects in this bucket, or choose another oss_bucket_name.',
  },
  {
    codes: ['UnsupportedSuffix.OSSObject'],
    cause: 'ECS does not accept an object with this suffix.',
    fix: 'End oss_key_name in .raw, .vhd or .qcow2, or leave it empty.',
  },
  {
    codes: ['IntegrityMismatch'],
    cause: 'The object in the bucket differs from the file.',
    fix: 'Run again. Nothing was imported.',
  },
  {
    codes: ['ObjectReplaced'],
    cause: 'Someone else replaced or deleted the staged object while ECS was reading it.',
    fix: 'Leave oss_key_name empty and run again: nobody else writes to the default key.',
  },
  {
    codes: ['FileImmutable'],
    cause: 'The retention policy of the bucket does not let the object be deleted yet.',
    fix: 'Delete it after the retention period, and choose another oss_bucket_name for the next run.',
  },
];
