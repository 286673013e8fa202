import { CloudError, isDenied } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Log } from '../cloud/log.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { isFinished, listImages, MARK_TAG } from '../ecs/images.ts';
import { inspectBucket, retentionDays, type BucketState } from '../oss/bucket.ts';
import { askEcs } from './ask-ecs.ts';
import { bootModeText } from './content.ts';
import type { Context } from './context.ts';
import type { LedgerEntry } from './ledger.ts';
import { isOurs } from './ownership.ts';
import { planImages, type ImagePlan } from './plan-images.ts';
import { planObjects, type ObjectPlan } from './plan-objects.ts';
import { targetsOf } from './targets.ts';

/** What the run will do, based on what exists in the cloud. */
export interface Plan extends ImagePlan {
  /** Id of the account; undefined if the call was denied. */
  account: string | undefined;
  makeBucket: boolean;
  /** One for each disk. */
  objects: ObjectPlan[];
  /** What earlier attempts left: objects, uploads and unencrypted images. */
  left: LedgerEntry[];
}

/**
 * Checks everything that could make the import fail later. Reads only.
 * @throws CloudError when nothing else can be checked (wrong keys, no network)
 */
export async function preflight(context: Context): Promise<Plan> {
  const { request, clients, me, log } = context;
  const account = await whoAmI(clients.sts, log);
  log.info(`Boot mode: ${bootModeText(request, context.disks)}.`);
  const targets = targetsOf(request, me);
  const regions = [...new Set(targets.map(({ region }) => region))];
  const listed = Promise.all(regions.map(async (region) => [region, await listImages(clients.ecsIn(region))] as const));
  const [bucket, days, images] = await Promise.all([inspectBucket(clients.oss), retentionDays(clients.oss), listed]);
  if (days !== undefined) {
    const text = `The bucket ${request.bucket} has a retention policy: the staged object cannot be deleted for ${days} days`;
    log.warning(`${text}, and is billed.`);
  }
  const bucketIssues = bucketProblems(context, bucket, account);
  // A bucket in another region or account does not show its objects.
  const reachable = bucket.exists && bucketIssues.every(({ code }) => code === 'BucketEncrypted');
  const planAndAsk = async () => {
    const plan = await planImages(context, targets, new Map(images));
    // ECS would only repeat what is wrong with the bucket.
    return { plan, refusals: bucketIssues.length > 0 ? [] : await askEcs(context, plan) };
  };
  const [{ objects, left, problems }, { plan, refusals }] = await Promise.all([
    planObjects(context, reachable),
    planAndAsk(),
  ]);
  // Nothing is uploaded where the image exists already. But an import by an earlier attempt may have read a foreign object.
  const made = plan.targets.find(
    ({ kind, adopt }) => kind !== 'copy' && adopt !== undefined && isFinished(adopt),
  )?.adopt;
  const matters = ({ code }: CloudError) =>
    made === undefined || (code === 'ForeignObject' && isOurs(made.tags[MARK_TAG], me));
  return {
    ...plan,
    problems: [...bucketIssues, ...problems.filter(matters), ...plan.problems, ...refusals],
    account,
    makeBucket: !bucket.exists,
    objects,
    left: [...left, ...plan.left],
  };
}

/**
 * Id of the account; undefined if a policy denies even this call, which needs no permission.
 * @throws CloudError for refused credentials, and if the network fails
 */
export async function whoAmI(sts: Rpc, log: Log): Promise<string | undefined> {
  try {
    const identity = await sts('GetCallerIdentity');
    const arn = textAt(identity, 'Arn') ?? 'unknown';
    const account = textAt(identity, 'AccountId') ?? /^acs:\w+::(\d+):/.exec(arn)?.[1];
    log.info(`Account ${account ?? 'unknown'}, as ${arn}.`);
    return account;
  } catch (error) {
    if (!isDenied(error)) throw error;
    log.info('Not checked: the account (sts:GetCallerIdentity is denied).');
    return undefined;
  }
}

function bucketProblems({ clients: { oss }, log }: Context, bucket: BucketState, account: string | undefined) {
  const { owner, region, encryption, denied } = bucket;
  const problem = (code: string, text: string) => new CloudError('oss:GetBucketInfo', code, text);
  if (denied.length > 0) log.info(`Not fully checked: the bucket (${denied.join(' and ')} denied).`);
  if (owner !== undefined && account !== undefined && owner !== account) {
    return [problem('BucketIsForeign', `the bucket ${oss.bucket} belongs to account ${owner}, not to ${account}`)];
  }
  const problems: CloudError[] = [];
  if (region !== undefined && region !== oss.region) {
    problems.push(
      problem('BucketElsewhere', `the bucket ${oss.bucket} is in ${region}, the import is in ${oss.region}`),
    );
  }
  if (encryption === 'KMS') {
    problems.push(problem('BucketEncrypted', `the bucket ${oss.bucket} encrypts its objects with KMS by default`));
  } else if (encryption !== undefined) {
    log.warning(`The bucket ${oss.bucket} encrypts its objects (${encryption}); ECS may refuse to read them.`);
  }
  return problems;
}
