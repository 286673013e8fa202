import { createHash, randomBytes } from 'node:crypto';
import { isBeingMade, isFinished, type Image } from '../ecs/images.ts';
import type { ImportRequest } from './request.ts';

/** Identifies the execution that made a resource: a tag of images, metadata of objects, part of every derived name. */
export interface Mark {
  /** The same in every attempt of one step of one job of a workflow run, for the same target. */
  owner: string;
  /** Counts from 1. Attempt n + 1 of a run begins only when all of attempt n has ended. */
  attempt: number;
  /** Random for each start of main. Distinguishes what nothing else does, such as two calls of a reusable workflow. */
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

/** Reads a mark; undefined if the text is not one. */
export function parseMark(text: string | undefined): Mark | undefined {
  const [, owner, attempt, nonce] = /^([0-9a-f]{16})\.(\d{1,9})\.([0-9a-f]{8})$/.exec(text ?? '') ?? [];
  return owner === undefined || nonce === undefined ? undefined : { owner, attempt: Number(attempt), nonce };
}

export type Relation = 'mine' | 'earlier attempt' | 'other';

/** Relation of a mark to this execution. An earlier attempt has ended, so this execution may continue or remove its resources. */
export function relation(mark: Mark | undefined, me: Mark): Relation {
  if (mark?.owner !== me.owner) return 'other';
  if (mark.attempt === me.attempt && mark.nonce === me.nonce) return 'mine';
  return mark.attempt < me.attempt ? 'earlier attempt' : 'other';
}

/** Whether this execution or an earlier attempt made the resource with this mark. */
export const isOurs = (mark: string | undefined, me: Mark): boolean => relation(parseMark(mark), me) !== 'other';

/** What the plan does with an image that has the name of a new one, or a temporary name for it. */
export type Decision =
  /** Continues with it instead of making another. */
  | 'adopt'
  /** Cancels and deletes it before anything is made. */
  | 'cancel'
  /** Waits until it is finished, then replaces it. */
  | 'wait'
  /** Gives its name to the new image, then deletes it. */
  | 'replace'
  /** Ends the run before anything is made. */
  | 'refuse'
  | 'ignore';

/** What the decision depends on besides the status. */
export interface Circumstances {
  relation: Relation;
  /** Whether it has the final name and not a temporary one. */
  named: boolean;
  /** Whether bytes and parameters are the same. */
  sameContent: boolean;
  /** `image_force_delete` */
  force: boolean;
  /** `reuse_identical_image` */
  reuse: boolean;
}

/** Decides by owner, status and content. Without `force`, images of other executions are never changed. */
export function decide(image: Pick<Image, 'status'>, circumstances: Circumstances): Decision {
  const { relation, named, sameContent, force, reuse } = circumstances;
  const isMade = isBeingMade(image) || image.status === 'Available';
  // Nothing is mine at the first look. The rule is here so that the table is complete.
  if (relation === 'mine' && isMade) return 'adopt';
  if (relation === 'earlier attempt' && isMade && sameContent) return 'adopt';
  if (relation !== 'other' && !isFinished(image)) return 'cancel';
  if (!named) return relation !== 'other' && force ? 'replace' : 'ignore';
  if (reuse && sameContent && image.status === 'Available') return 'adopt';
  if (!force) return 'refuse';
  return isBeingMade(image) ? 'wait' : 'replace';
}
