import { callWhile } from '../cloud/again.ts';
import { regionOfLocation } from '../cloud/endpoints.ts';
import { CloudError, hasCode, isDenied } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Oss } from './client.ts';

export interface BucketState {
  /** False if it does not exist or belongs to another account; only creating it shows which. */
  exists: boolean;
  /** This and the next two are undefined if they could not be read. */
  region?: string | undefined;
  owner?: string | undefined;
  /** Default server-side encryption: KMS, AES256, SM4 or undefined. */
  encryption?: string | undefined;
  /** RAM actions that were refused. */
  denied: string[];
}

/**
 * Reads the state of the bucket with GetBucketInfo, or with ListBuckets if that is refused.
 * @throws CloudError unless the bucket or the right is missing
 */
export async function inspectBucket(oss: Oss): Promise<BucketState> {
  try {
    const { bucket } = await oss.call('oss:GetBucketInfo', (sdk) => sdk.getBucketInfo(oss.bucket));
    const text = (...path: string[]) => textAt(bucket, ...path)?.trim() || undefined;
    const location = text('Location');
    const encryption = text('ServerSideEncryptionRule', 'SSEAlgorithm');
    return {
      exists: true,
      region: location === undefined ? undefined : regionOfLocation(location),
      owner: text('Owner', 'ID'),
      encryption: encryption === 'None' ? undefined : encryption,
      denied: [],
    };
  } catch (error) {
    if (hasCode(error, 'NoSuchBucket')) return { exists: false, denied: [] };
    if (!isDenied(error)) throw error;
    return listed(oss);
  }
}

/**
 * The number of days for which a retention policy (WORM) forbids to delete an object; undefined if there is none or it
 * cannot be read. https://www.alibabacloud.com/help/en/oss/developer-reference/getbucketworm
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

/** Looks for the bucket in the list of this account's buckets, which covers all regions. */
async function listed(oss: Oss): Promise<BucketState> {
  const denied = ['oss:GetBucketInfo'];
  try {
    const query = { prefix: oss.bucket, 'max-keys': 1000 };
    const { buckets } = await oss.call('oss:ListBuckets', (sdk) => sdk.listBuckets(query));
    const own = buckets?.find(({ name }) => name === oss.bucket);
    if (own === undefined) return { exists: false, denied };
    return { exists: true, region: own.region === undefined ? undefined : regionOfLocation(own.region), denied };
  } catch (error) {
    if (!isDenied(error)) throw error;
    return { exists: true, denied: [...denied, 'oss:ListBuckets'] };
  }
}

/** Prefix of all keys that this action chooses. */
export const PREFIX = 'alicloud-import/';

/** A new bucket can be seen late. */
const NOT_SEEN_YET = { code: /^NoSuchBucket$/, patience: 60_000, first: 1_000, slowest: 5_000 };

/**
 * Creates the bucket with one lifecycle rule: unfinished uploads under our prefix are aborted after 7 days. Idempotent.
 * @throws CloudError `BucketAlreadyExists` if the name belongs to another account
 */
export async function makeBucket(oss: Oss): Promise<void> {
  await oss.call('oss:PutBucket', (sdk) => sdk.putBucket(oss.bucket));
  oss.log.info(`Created the bucket ${oss.bucket} in ${oss.region}.`);
  const rule = { id: 'alicloud-import', prefix: PREFIX, status: 'Enabled', abortMultipartUpload: { days: 7 } };
  try {
    const setRule = () => oss.call('oss:PutBucketLifecycle', (sdk) => sdk.putBucketLifecycle(oss.bucket, [rule]));
    await callWhile(NOT_SEEN_YET, setRule);
  } catch (error) {
    // The rule is only a safety net. Any other problem shows in the next call.
    if (!(error instanceof CloudError)) throw error;
    oss.log.info(
      `The bucket has no lifecycle rule that aborts unfinished uploads after 7 days (oss:PutBucketLifecycle: ${error.code}).`,
    );
  }
}
