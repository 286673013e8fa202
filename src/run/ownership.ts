import { createHash, randomBytes } from 'node:crypto';
import { isBeingMade, isFinished, type Image } from '../ecs/images.ts';
import type { ImportRequest } from './request.ts';

/** Who made a thing: on images as a tag, on objects as metadata, in every name that we derive. */
export interface Mark {
  /** The same in every attempt of one step of one job of a workflow run, for the same target. */
  owner: string;
  /** Attempt n + 1 of a run begins only when all of attempt n has ended. */
  attempt: number;
  /** Random, of one start of main: tells apart what nothing else does, such as a reusable workflow that is called twice. */
  nonce: string;
}

/** The mark of this execution. */
export function newMark({ region, bucket, key, image, workflow }: ImportRequest): Mark {
  const { server, repository, runId, job, matrix, step } = workflow;
  const parts = [server, repository, runId, job, matrix, step, region, bucket, key ?? '', image.name];
  const owner = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  return { owner, attempt: workflow.attempt, nonce: randomBytes(4).toString('hex') };
}

/** As written in a tag or in metadata: `owner.attempt.nonce`. */
export const markText = ({ owner, attempt, nonce }: Mark): string => `${owner}.${attempt}.${nonce}`;

/** Reads a mark; undefined for anything else. */
export function parseMark(text: string | undefined): Mark | undefined {
  const [, owner, attempt, nonce] = /^([0-9a-f]{16})\.(\d{1,9})\.([0-9a-f]{8})$/.exec(text ?? '') ?? [];
  return owner === undefined || nonce === undefined ? undefined : { owner, attempt: Number(attempt), nonce };
}

export type Relation = 'mine' | 'earlier attempt' | 'other';

/** Whose a thing with this mark is. An earlier attempt is dead, so that what it left is ours to continue or remove. */
export function relation(mark: Mark | undefined, me: Mark): Relation {
  if (mark?.owner !== me.owner) return 'other';
  if (mark.attempt === me.attempt && mark.nonce === me.nonce) return 'mine';
  return mark.attempt < me.attempt ? 'earlier attempt' : 'other';
}

/** Whether a thing with this mark was made by this execution or an earlier attempt. */
export const isOurs = (mark: string | undefined, me: Mark): boolean => relation(parseMark(mark), me) !== 'other';

/** What the plan does with an image that stands where a new one is to go. */
export type Decision =
  /** Resumes with it instead of making another. */
  | 'adopt'
  /** Cancels and removes it before anything is made. */
  | 'cancel'
  /** Waits until it is finished, then replaces it. */
  | 'wait'
  /** Takes its name when the new image is ready, and deletes it last of all. */
  | 'replace'
  /** Ends the run before anything is made. */
  | 'refuse'
  | 'ignore';

/** What decides about an image besides its state. */
export interface Circumstances {
  relation: Relation;
  /** Whether it has the final name, rather than a temporary one. */
  named: boolean;
  /** Whether it is made of the same bytes and parameters. */
  sameContent: boolean;
  /** `image_force_delete` */
  force: boolean;
  /** `reuse_identical_image` */
  reuse: boolean;
}

/** Decides by whose the image is, how far it is and what it is made of. Nothing of others is touched without `force`. */
export function decide(image: Pick<Image, 'status'>, circumstances: Circumstances): Decision {
  const { relation, named, sameContent, force, reuse } = circumstances;
  const isMade = isBeingMade(image) || image.status === 'Available';
  if (relation === 'mine' && isMade) return 'adopt';
  if (relation === 'earlier attempt' && isMade && sameContent) return 'adopt';
  if (relation !== 'other' && !isFinished(image)) return 'cancel';
  if (!named) return relation !== 'other' && force ? 'replace' : 'ignore';
  if (reuse && sameContent && image.status === 'Available') return 'adopt';
  if (!force) return 'refuse';
  return isBeingMade(image) ? 'wait' : 'replace';
}
