import { CloudError } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import { CONTENT_TAG, isBeingMade, isFinished, MARK_TAG, type Image } from '../ecs/images.ts';
import { isAside, isPlain, isTemporary } from '../ecs/names.ts';
import { contentOf, sumsOf } from './content.ts';
import type { Context } from './context.ts';
import type { LedgerEntry } from './ledger.ts';
import { decide, isOurs, parseMark, relation, type Decision } from './ownership.ts';
import type { Target } from './targets.ts';

/** What to do for one image. */
export interface TargetPlan extends Target {
  /** An image to continue with: made by an earlier attempt, or reused because its content is the same. */
  adopt: Image | undefined;
  /** The image that holds the name. With `image_force_delete` it is replaced; otherwise it is why the run is refused. */
  holder: Image | undefined;
  /** Unfinished images of earlier attempts, to be cancelled first. */
  cancel: Image[];
  /** Ids of the images to delete once the new image holds the name. */
  replaced: string[];
}

export interface ImagePlan {
  /** In the order in which they are made. */
  targets: TargetPlan[];
  /** Unencrypted images that earlier attempts made for an encrypted one. */
  left: LedgerEntry[];
  /** CRC-64 of each disk, if the decisions depend on it. */
  sums: string[] | undefined;
  /** Why nothing can be made. */
  problems: CloudError[];
}

/** A temporary image of another run may still be in use; after this time, in ms, it is deleted. */
const STALE = 24 * 3_600_000;

/**
 * Decides for each target what happens to the images under its name and its temporary names.
 * @param images - all custom images of the account, by region
 * @throws CloudError when a file cannot be read
 */
export async function planImages(
  context: Context,
  targets: Target[],
  images: Map<string, Image[]>,
): Promise<ImagePlan> {
  const { request, disks, me } = context;
  const imagesIn = (region: string) => images.get(region) ?? [];
  const compares = targets.some((target) =>
    candidates(context, target, imagesIn(target.region)).some(needsContent(context)),
  );
  // A dry run has not unpacked what it would upload.
  const isReadable = disks.every(({ headersOnly }) => headersOnly !== true);
  const sums = compares && isReadable ? await sumsOf(disks) : undefined;
  const planned = targets.map((target) => planTarget(context, target, imagesIn(target.region), sums));
  const kept = planned.find(({ kind }) => kind === 'encrypt')?.adopt
    ? planned.filter(({ intermediate }) => !intermediate)
    : planned;
  const used = new Set(kept.flatMap(({ adopt, cancel }) => [adopt, ...cancel]));
  const left = imagesIn(request.region)
    .filter((image) => isPlain(image, request.image.name) && isOurs(image.tags[MARK_TAG], me) && !used.has(image))
    .map(({ id, name, tags: { [MARK_TAG]: mark = '' } }): LedgerEntry => {
      return {
        kind: 'image',
        region: request.region,
        name,
        wants: name,
        id,
        mark,
        madeBy: 'import',
        intermediate: true,
      };
    });
  const problems = request.forceDelete ? [] : kept.flatMap(nameTaken);
  return { targets: kept, left, sums, problems };
}

const relationOf = ({ me }: Context, { tags }: Image) => relation(parseMark(tags[MARK_TAG]), me);

/** The image with the target's name, and those of earlier attempts under their temporary names. */
function candidates(context: Context, { name, intermediate }: Target, images: Image[]): Image[] {
  const { request, me } = context;
  const isWaiting = (image: Image) => (intermediate ? isPlain(image, request.image.name) : isTemporary(image, name));
  return images.filter((image) => image.name === name || (isWaiting(image) && isOurs(image.tags[MARK_TAG], me)));
}

/** Whether the decision on an image depends on its content. */
const needsContent = (context: Context) => (image: Image) =>
  image.tags[CONTENT_TAG] !== undefined &&
  (relationOf(context, image) === 'earlier attempt' ||
    (context.request.reuseIdentical && image.status === 'Available'));

function planTarget(context: Context, target: Target, images: Image[], sums: string[] | undefined): TargetPlan {
  const { request, disks } = context;
  const content = sums && contentOf(request, disks, sums, target);
  const isNamed = (image: Image) => image.name === target.name;
  const decisions = candidates(context, target, images).map((image): [Image, Decision] => [
    image,
    decide(image, {
      relation: relationOf(context, image),
      named: isNamed(image),
      sameContent: content !== undefined && image.tags[CONTENT_TAG] === content,
      force: request.forceDelete,
      reuse: request.reuseIdentical,
    }),
  ]);
  const by = (...wanted: Decision[]) =>
    decisions.filter(([, decision]) => wanted.includes(decision)).map(([image]) => image);
  // One that holds the name comes first: it may be another run's, and must not be replaced by a second one.
  const adopt = by('adopt').find(isNamed) ?? by('adopt')[0];
  const spare = by('adopt').filter((image) => image !== adopt);
  // An image that is to be cancelled may be finished before that.
  const left =
    request.forceDelete && !target.intermediate ? [...by('cancel'), ...leftByForcedRuns(images, target.name)] : [];
  const replaced = [...by('replace'), ...spare.filter(isFinished), ...left].filter((image) => image !== adopt);
  return {
    ...target,
    adopt,
    holder: by('wait', 'replace', 'refuse').find(isNamed),
    cancel: [...by('cancel'), ...spare.filter(isBeingMade)],
    replaced: [...new Set(replaced.map(({ id }) => id))],
  };
}

/** Images that forced runs renamed and could not delete, and old temporary images of runs that were killed. */
function leftByForcedRuns(images: Image[], name: string): Image[] {
  const isStale = (image: Image) =>
    (isTemporary(image, name) || isPlain(image, name)) &&
    parseMark(image.tags[MARK_TAG]) !== undefined &&
    Date.parse(image.created) < now() - STALE;
  return images.filter((image) => (isAside(image, name) || isStale(image)) && !isBeingMade(image));
}

/** Why a target cannot be made while this image holds its name. */
export function nameTaken({ holder, kind, region }: TargetPlan): CloudError[] {
  if (holder === undefined) return [];
  const where = kind === 'copy' ? ` in ${region}` : '';
  const text = `image ${holder.id} (${holder.status})${where} has the name ${holder.name}`;
  return [new CloudError('ecs:DescribeImages', 'InvalidImageName.Duplicated', text)];
}
