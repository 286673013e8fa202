import { createHash } from 'node:crypto';
import { CloudError, CloudErrors, hasCode, isDenied } from './cloud/errors.ts';
import { textAt } from './cloud/json.ts';
import type { Cloud } from './connect.ts';
import { findImages, isOurs, SUM_TAG, TAG, type Image } from './ecs/images.ts';
import { temporaryName } from './ecs/names.ts';
import { setAside } from './ecs/settle.ts';
import type { ImportRequest } from './inputs.ts';
import { inspectBucket, type BucketState } from './oss/bucket.ts';
import { headObject, type ObjectState } from './oss/objects.ts';
import { targetsOf, type Target } from './targets.ts';

/** What stands in the cloud before anything is changed. */
export interface Plan {
  makeBucket: boolean;
  /** What this run has staged already, in the order of the disks. */
  staged: (ObjectState | undefined)[];
  /** In the order in which they are made. */
  targets: TargetPlan[];
}

export interface TargetPlan extends Target {
  /** The image that holds the name and is to be replaced. */
  old: Image | undefined;
  /** What goes once the new image holds the name: the old one, and those that an earlier replacement could not delete. */
  replaced: Image[];
  /** What an earlier attempt of this run made, being imported or ready; or an image of ours with the same content. */
  adopt: Image | undefined;
  /** What an earlier attempt of this run left broken. */
  broken: Image[];
}

/** One name for one import: the same for every try, another for another attempt or another request. */
export function clientToken(request: ImportRequest, region: string, imageName: string): string {
  const withoutKeys = { ...request, identity: undefined, imageName, target: region };
  return createHash('sha256').update(JSON.stringify(withoutKeys)).digest('hex');
}

/**
 * Asks the cloud everything that would make the import fail later. Reads only.
 * @throws CloudErrors with all refusals, CloudError for one that hides all others (wrong keys, no line)
 */
export async function check(
  cloud: Cloud,
  request: ImportRequest,
  keys: string[],
  content: string | undefined,
): Promise<Plan> {
  const account = await whoAmI(cloud);
  const planned = Promise.all(targetsOf(request).map((target) => planTarget(cloud, request, target, content)));
  const [bucket, targets] = await Promise.all([inspectBucket(cloud.oss), planned]);
  const bucketIssues = bucketProblems(cloud, bucket, account);
  // A bucket elsewhere or of somebody else does not tell what it holds.
  const reachable = bucket.exists === 'yes' && bucketIssues.every(({ code }) => code === 'BucketEncrypted');
  const found = reachable ? await Promise.all(keys.map((key) => objectUnder(cloud, request, key))) : [];
  const problems = [
    ...bucketIssues,
    ...found.filter((one) => one instanceof CloudError),
    ...(request.forceDelete ? [] : targets.flatMap(nameTaken)),
  ];
  if (problems.length > 0) throw new CloudErrors('Nothing was uploaded.', problems);
  const staged = found.map((one) => (one instanceof CloudError ? undefined : one));
  return { makeBucket: bucket.exists !== 'yes', staged, targets };
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

async function objectUnder(
  { oss, log }: Cloud,
  request: ImportRequest,
  key: string,
): Promise<ObjectState | CloudError | undefined> {
  const found = await headObject(oss, key).catch((error: unknown) => {
    if (hasCode(error, 'PublicEndpointForbidden')) return error;
    throw error;
  });
  if (found instanceof CloudError) return found;
  if (found === 'unknown') log.info('Not checked: whether an object lies under the key (oss:GetObject is denied).');
  if (found === undefined || found === 'unknown') return undefined;
  // In a first attempt it is another job's, or another step's.
  if (found.run === request.run.mark && request.run.attempt > 1) return found;
  return new CloudError('oss:HeadObject', 'ForeignObject', `oss://${oss.bucket}/${key} exists already`);
}

async function planTarget(
  cloud: Cloud,
  { run, forceDelete }: ImportRequest,
  target: Target,
  content: string | undefined,
): Promise<TargetPlan> {
  const ecs = cloud.ecsIn(target.region);
  const { name } = target;
  const again = run.attempt > 1;
  const held = target.scratch && !again ? [] : await findImages(ecs, { name });
  const waiting = again ? await findImages(ecs, { name: temporaryName(name, run.id) }) : [];
  const ours = again ? [...held, ...waiting].filter((one) => isOurs(one, run.mark)) : [];
  const broken = ours.filter(({ status }) => /^(CreateFailed|UnAvailable)$/.test(status));
  const identical = held.find((one) => content !== undefined && isTwin(one, run.repository, content));
  const adopt = ours.find((one) => !broken.includes(one)) ?? identical;
  const old = held.find((one) => !ours.includes(one) && one !== adopt);
  const aside = forceDelete && !target.scratch ? await setAside({ ecs, name }) : [];
  // What another run is making at this moment is not deleted: that run will have reported it by then.
  const replaced = [...(old === undefined ? [] : [old]), ...aside].filter(({ status }) => !isBeingMade(status));
  return { ...target, broken, adopt, old, replaced };
}

/** Whether a run of this repository made the image of the same bytes. */
const isTwin = ({ status, tags }: Image, repository: string, content: string): boolean =>
  status === 'Available' && tags[SUM_TAG] === content && (tags[TAG] ?? '').startsWith(`${repository}/`);

const isBeingMade = (status: string): boolean => /^(Creating|Waiting)$/.test(status);

function nameTaken({ old, kind, region }: TargetPlan): CloudError[] {
  if (old === undefined) return [];
  const where = kind === 'copy' ? ` in ${region}` : '';
  const text = `image ${old.id} (${old.status})${where} has the name ${old.name}`;
  return [new CloudError('ecs:DescribeImages', 'InvalidImageName.Duplicated', text)];
}
