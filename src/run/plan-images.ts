import { CloudError } from '../cloud/errors.ts';
import { now } from '../cloud/time.ts';
import { CONTENT_TAG, isBeingMade, isFinished, MARK_TAG, type Image } from '../ecs/images.ts';
import { isAside } from '../ecs/name.ts';
import { plainPrefix, temporaryPrefix } from '../ecs/names.ts';
import { contentOf, sumsOf } from './content.ts';
import type { Context } from './context.ts';
import { decide, parseMark, relation, type Decision } from './ownership.ts';
import type { Target } from './targets.ts';

/** What is to be done for one image. */
export interface TargetPlan extends Target {
  /** What an earlier attempt made, being imported or ready; or an image of the same content. */
  adopt: Image | undefined;
  /** The image that holds the name and is to be replaced: the new one waits under a temporary name. */
  holder: Image | undefined;
  /** What an earlier attempt left unfinished: removed first. */
  cancel: Image[];
  /** Ids of what goes once the new image holds the name. */
  replaced: string[];
}

export interface ImagePlan {
  /** In the order in which they are made. */
  targets: TargetPlan[];
  /** Unencrypted images that earlier attempts needed on the way. */
  intermediates: Image[];
  /** CRC-64 of each disk, where there was a reason to read the files. */
  sums: string[] | undefined;
  /** Why nothing may be made. */
  problems: CloudError[];
}

/** A temporary image of another run is left alone for this long, in ms: it may be under way. */
const STALE = 24 * 3_600_000;

/**
 * Decides for each target what becomes of the images that stand in its way.
 * @param images - all own images, by region
 * @throws CloudError when a file that has to be read cannot be
 */
export async function planImages(
  context: Context,
  targets: Target[],
  images: Map<string, Image[]>,
): Promise<ImagePlan> {
  const { request, disks, me } = context;
  const around = (target: Target) => images.get(target.region) ?? [];
  const compares = targets.some((target) => candidates(context, target, around(target)).some(needsContent(context)));
  // A dry run has not unpacked what it would upload.
  const isReadable = disks.every(({ headersOnly }) => headersOnly !== true);
  const sums = compares && isReadable ? await sumsOf(disks) : undefined;
  const planned = targets.map((target) => planTarget(context, target, around(target), sums));
  const kept = planned.find(({ kind }) => kind === 'encrypt')?.adopt
    ? planned.filter(({ intermediate }) => !intermediate)
    : planned;
  const used = new Set(kept.flatMap(({ adopt, cancel }) => [adopt, ...cancel]));
  const prefix = plainPrefix(request.image.name, me.owner);
  const intermediates = (images.get(request.region) ?? []).filter(
    (image) => image.name.startsWith(prefix) && relationOf(context, image) === 'earlier attempt' && !used.has(image),
  );
  const problems = request.forceDelete ? [] : kept.flatMap(nameTaken);
  return { targets: kept, intermediates, sums, problems };
}

const relationOf = ({ me }: Context, { tags }: Image) => relation(parseMark(tags[MARK_TAG]), me);

/** Images under the name, and those of earlier attempts under their temporary ones. */
function candidates(context: Context, { name, intermediate }: Target, images: Image[]): Image[] {
  const { request, me } = context;
  const prefix = intermediate ? plainPrefix(request.image.name, me.owner) : temporaryPrefix(name, me.owner);
  const isEarlier = (image: Image) => image.name.startsWith(prefix) && relationOf(context, image) !== 'other';
  return images.filter((image) => image.name === name || isEarlier(image));
}

/** Whether the decision on an image depends on what it is made of. */
const needsContent = (context: Context) => (image: Image) =>
  image.tags[CONTENT_TAG] !== undefined &&
  (relationOf(context, image) === 'earlier attempt' ||
    (context.request.reuseIdentical && image.status === 'Available'));

function planTarget(context: Context, target: Target, images: Image[], sums: string[] | undefined): TargetPlan {
  const { request, disks } = context;
  const { name, intermediate } = target;
  const content = sums && contentOf(request, disks, sums, target);
  const decisions = candidates(context, target, images).map((image): [Image, Decision] => [
    image,
    decide(image, {
      relation: relationOf(context, image),
      named: image.name === name,
      sameContent: content !== undefined && image.tags[CONTENT_TAG] === content,
      force: request.forceDelete,
      reuse: request.reuseIdentical,
    }),
  ]);
  const by = (...wanted: Decision[]) =>
    decisions.filter(([, decision]) => wanted.includes(decision)).map(([image]) => image);
  const [adopt, ...spare] = by('adopt');
  // What is to be cancelled may be finished before that.
  const left = request.forceDelete && !intermediate ? [...by('cancel'), ...leftByForcedRuns(images, name)] : [];
  return {
    ...target,
    adopt,
    holder: by('wait', 'replace', 'refuse').find((image) => image.name === name),
    cancel: [...by('cancel'), ...spare.filter(isBeingMade)],
    replaced: [...new Set([...by('replace'), ...spare.filter(isFinished), ...left].map(({ id }) => id))],
  };
}

/** Images that were set aside for the name, and old temporary ones of runs that never came back. */
function leftByForcedRuns(images: Image[], name: string): Image[] {
  const isStale = (image: Image) => {
    const mark = parseMark(image.tags[MARK_TAG]);
    // Without the owner the prefix may be that of another workflow's image_name.
    const isTemporary = mark !== undefined && image.name.startsWith(temporaryPrefix(name, mark.owner));
    return isTemporary && Date.parse(image.created) < now() - STALE;
  };
  return images.filter((image) => (isAside(image, name) || isStale(image)) && !isBeingMade(image));
}

function nameTaken({ holder, kind, region }: TargetPlan): CloudError[] {
  if (holder === undefined) return [];
  const where = kind === 'copy' ? ` in ${region}` : '';
  const text = `image ${holder.id} (${holder.status})${where} has the name ${holder.name}`;
  return [new CloudError('ecs:DescribeImages', 'InvalidImageName.Duplicated', text)];
}
