import { regionOfLocation } from '../cloud/endpoints.ts';
import { CloudError, hasCode, isDenied } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Oss } from './client.ts';

export interface BucketState {
  /** `unlisted`: it may be somebody else's or not exist; only making it tells. */
  exists: 'yes' | 'no' | 'unlisted';
  /** Where the right to ask is missing, these are undefined. */
  region?: string | undefined;
  owner?: string | undefined;
  /** Default server-side encryption: KMS, AES256, SM4 or undefined. */
  encryption?: string | undefined;
  /** What could not be asked, as RAM actions. */
  denied: string[];
}

/**
 * Looks at the bucket without changing anything: GetBucketInfo, or ListBuckets where that is refused.
 * @throws CloudError for wrong keys and everything else but a missing bucket and a missing right
 */
export async function inspectBucket(oss: Oss): Promise<BucketState> {
  try {
    const { bucket } = await oss.call('oss:GetBucketInfo', (sdk) => sdk.getBucketInfo(oss.bucket));
    const text = (...path: string[]) => textAt(bucket, ...path)?.trim() || undefined;
    const location = text('Location');
    const encryption = text('ServerSideEncryptionRule', 'SSEAlgorithm');
    return {
      exists: 'yes',
      region: location === undefined ? undefined : regionOfLocation(location),
      owner: text('Owner', 'ID'),
      encryption: encryption === 'None' ? undefined : encryption,
      denied: [],
    };
  } catch (error) {
    if (hasCode(error, 'NoSuchBucket')) return { exists: 'no', denied: [] };
    if (!isDenied(error)) throw error;
    return listed(oss);
  }
}

/**
 * For how many days no object of the bucket can be deleted; undefined without a retention policy, and where that cannot be
 * asked. https://www.alibabacloud.com/help/en/oss/developer-reference/getbucketworm
 */
export async function retentionDays(oss: Oss): Promise<number | undefined> {
  const once = { givesUp: () => true, timeout: 10_000 };
  try {
    const { state, days } = await oss.call('oss:GetBucketWorm', (sdk) => sdk.getBucketWorm(oss.bucket), once);
    return state === 'Expired' ? undefined : Number(days) || undefined;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    return undefined;
  }
}

/** ListBuckets shows only this account's buckets, in all regions. */
async function listed(oss: Oss): Promise<BucketState> {
  const denied = ['oss:GetBucketInfo'];
  try {
    const query = { prefix: oss.bucket, 'max-keys': 1000 };
    const { buckets } = await oss.call('oss:ListBuckets', (sdk) => sdk.listBuckets(query));
    const own = buckets?.find(({ name }) => name === oss.bucket);
    if (own === undefined) return { exists: 'unlisted', denied };
    return { exists: 'yes', region: own.region === undefined ? undefined : regionOfLocation(own.region), denied };
  } catch (error) {
    if (!isDenied(error)) throw error;
    return { exists: 'yes', denied: [...denied, 'oss:ListBuckets'] };
  }
}

/** What we put into a bucket begins with this, unless the user names the key. */
export const PREFIX = 'alicloud-import/';

/**
 * Makes the bucket, with one rule: unfinished uploads under our prefix end after 7 days. Idempotent.
 * @throws CloudError `BucketAlreadyExists` when the name is somebody else's
 */
export async function makeBucket(oss: Oss): Promise<void> {
  await oss.call('oss:PutBucket', (sdk) => sdk.putBucket(oss.bucket));
  oss.log.info(`Created the bucket ${oss.bucket} in ${oss.region}.`);
  const rule = { id: 'alicloud-import', prefix: PREFIX, status: 'Enabled', abortMultipartUpload: { days: 7 } };
  try {
    await oss.call('oss:PutBucketLifecycle', (sdk) => sdk.putBucketLifecycle(oss.bucket, [rule]));
  } catch (error) {
    // A safety net that is missing is no reason to stop; what else is wrong, the next call shows.
    if (!(error instanceof CloudError)) throw error;
    oss.log.info(
      `It gets no lifecycle rule that aborts unfinished uploads after 7 days (oss:PutBucketLifecycle: ${error.code}).`,
    );
  }
}
