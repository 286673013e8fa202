import { createHash } from 'node:crypto';
import { CloudError, isDenied } from './cloud/errors.ts';
import { textAt } from './cloud/json.ts';
import type { Cloud } from './connect.ts';
import { findImages, isOurs, type Image } from './ecs/images.ts';
import { temporaryName } from './ecs/names.ts';
import { setAside } from './ecs/settle.ts';
import type { ImportRequest } from './inputs.ts';
import { inspectBucket, type BucketState } from './oss/bucket.ts';
import { headObject } from './oss/objects.ts';

/** What stands in the cloud before anything is changed. */
export interface Plan {
  makeBucket: boolean;
  /** Whether an object of this run lies under the key already. */
  overwrite: boolean;
  /** The image that holds the name and is to be replaced. */
  old: Image | undefined;
  /** What goes once the new image holds the name: the old one, and those that an earlier replacement could not delete. */
  replaced: Image[];
  /** What an earlier attempt of this run made: being imported, or ready. */
  adopt: Image | undefined;
  /** What an earlier attempt of this run left broken. */
  broken: Image[];
}

/** Every refusal that could be foreseen. */
export class CheckFailed extends Error {
  readonly problems: CloudError[];

  constructor(problems: CloudError[]) {
    super('the cloud would refuse this import');
    this.problems = problems;
  }
}

/** One name for one import: the same for every try, another for another attempt or another request. */
export function clientToken(request: ImportRequest, imageName: string): string {
  const withoutKeys = { ...request, identity: undefined, imageName };
  return createHash('sha256').update(JSON.stringify(withoutKeys)).digest('hex');
}

/**
 * Asks the cloud everything that would make the import fail later. Reads only.
 * @throws CheckFailed with all refusals, CloudError for one that hides all others (wrong keys, no line)
 */
export async function check(cloud: Cloud, request: ImportRequest, key: string): Promise<Plan> {
  const account = await whoAmI(cloud);
  const [bucket, images] = await Promise.all([inspectBucket(cloud.oss), imagesOfName(cloud, request)]);
  const bucketIssues = bucketProblems(cloud, bucket, account);
  // A bucket elsewhere or of somebody else does not tell what it holds.
  const reachable = bucket.exists === 'yes' && bucketIssues.every(({ code }) => code === 'BucketEncrypted');
  const overwrite = reachable && (await objectUnder(cloud, request, key));
  const plan = { ...images, makeBucket: bucket.exists !== 'yes', overwrite: overwrite === true };
  const problems = [
    ...bucketIssues,
    ...(overwrite instanceof CloudError ? [overwrite] : []),
    ...(images.old !== undefined && !request.forceDelete ? [duplicate(images.old)] : []),
  ];
  if (problems.length > 0) throw new CheckFailed(problems);
  return plan;
}

/** The account id; this call needs no right, so a refusal means wrong credentials. */
async function whoAmI({ sts, log }: Cloud): Promise<string | undefined> {
  try {
    const identity = await sts('GetCallerIdentity');
    const account = textAt(identity, 'AccountId');
    log.info(`Account ${account ?? 'unknown'}, as ${textAt(identity, 'Arn') ?? 'unknown'}.`);
    return account;
  } catch (error) {
    if (!isDenied(error)) throw error;
    log.info('Not checked: who owns the bucket (sts:GetCallerIdentity is denied).');
    return undefined;
  }
}

function bucketProblems({ oss, log }: Cloud, bucket: BucketState, account: string | undefined): CloudError[] {
  const { owner, region, encryption, denied } = bucket;
  const problem = (code: string, text: string) => new CloudError('oss:GetBucketInfo', code, text);
  if (denied.length > 0) log.info(`Not fully checked: the bucket (${denied.join(' and ')} denied).`);
  if (owner !== undefined && account !== undefined && owner !== account) {
    return [problem('BucketIsForeign', `the bucket ${oss.bucket} belongs to account ${owner}, not to ${account}`)];
  }
  const problems: CloudError[] = [];
  if (region !== undefined && region !== oss.region) {
    problems.push(
      problem('BucketElsewhere', `the bucket ${oss.bucket} is in ${region}, the image goes to ${oss.region}`),
    );
  }
  if (encryption === 'KMS') {
    problems.push(problem('BucketEncrypted', `the bucket ${oss.bucket} encrypts its objects with KMS by default`));
  } else if (encryption !== undefined) {
    log.warning(`The bucket ${oss.bucket} encrypts its objects (${encryption}); ECS may refuse to read them.`);
  }
  return problems;
}

async function objectUnder({ oss, log }: Cloud, request: ImportRequest, key: string): Promise<boolean | CloudError> {
  const found = await headObject(oss, key).catch((error: unknown) => {
    if (error instanceof CloudError && error.code === 'PublicEndpointForbidden') return error;
    throw error;
  });
  if (found instanceof CloudError) return found;
  if (found === 'unknown') log.info('Not checked: whether an object lies under the key (oss:GetObject is denied).');
  if (found === undefined || found === 'unknown') return false;
  if (found.run === request.run.mark) return true;
  return new CloudError('oss:HeadObject', 'ForeignObject', `oss://${oss.bucket}/${key} exists already`);
}

async function imagesOfName({ ecs }: Cloud, { image, run, forceDelete }: ImportRequest) {
  const held = await findImages(ecs, { name: image.name });
  const again = run.attempt > 1;
  const waiting = again ? await findImages(ecs, { name: temporaryName(image.name, run.id) }) : [];
  const ours = again ? [...held, ...waiting].filter((one) => isOurs(one, run.mark)) : [];
  const broken = ours.filter(({ status }) => /^(CreateFailed|UnAvailable)$/.test(status));
  const old = held.find((one) => !ours.includes(one));
  const aside = forceDelete ? await setAside({ ecs, name: image.name }) : [];
  return {
    broken,
    adopt: ours.find((one) => !broken.includes(one)),
    old,
    // What another run is making at this moment is not deleted: that run will have reported it by then.
    replaced: [...(old === undefined ? [] : [old]), ...aside].filter(({ status }) => !isBeingMade(status)),
  };
}

const isBeingMade = (status: string): boolean => /^(Creating|Waiting)$/.test(status);

function duplicate({ id, name, status }: Image): CloudError {
  return new CloudError(
    'ecs:DescribeImages',
    'InvalidImageName.Duplicated',
    `image ${id} (${status}) has the name ${name}`,
  );
}
