import { CloudError, CloudErrors } from '../cloud/errors.ts';
import { isBeingMade } from '../ecs/images.ts';
import type { StagedObject } from '../oss/upload.ts';
import type { Context } from './context.ts';
import { makeImage, type FinishedImage } from './image.ts';
import type { Sources } from './parameters.ts';
import type { Plan } from './preflight.ts';

const TITLES = { import: 'Import into ECS', encrypt: 'Encrypt the image', copy: 'Copy the image' };
const PARTLY =
  'Some images are incomplete or missing. The outputs list every image that is Available. A re-run of the job makes only what is missing.';

/**
 * Makes all images, each from the one before it: the import, its encrypted copy, the copies for other regions.
 * @returns the finished images, and what failed after the main image was Available
 * @throws CloudError when the main image was not made
 */
export async function makeImages(context: Context, plan: Plan, staged: StagedObject[]) {
  const { log } = context;
  // An image that an earlier attempt is importing reads the object that the check found.
  const found = plan.objects.flatMap(({ found: one }) => one ?? []);
  const isImporting = plan.targets.some(
    ({ kind, adopt }) => kind === 'import' && adopt !== undefined && isBeingMade(adopt),
  );
  const from: Sources = { staged: isImporting ? found : staged, sums: plan.sums ?? staged.map(({ crc64 }) => crc64) };
  const finished: FinishedImage[] = [];
  const failures: CloudError[] = [];
  for (const target of plan.targets) {
    const { kind, region, intermediate } = target;
    try {
      const made = await log.group(`${TITLES[kind]}, ${region}`, () => makeImage(context, target, from));
      if (kind !== 'copy') from.imageId = made.image.id;
      if (!intermediate) finished.push(made);
      if (made.failure !== undefined) failures.push(made.failure);
    } catch (error) {
      if (kind !== 'copy' || !(error instanceof CloudError)) throw error;
      failures.push(error.reworded(`${region}: ${error.message}`));
    }
  }
  return { finished, failure: failures.length > 0 ? new CloudErrors(PARTLY, failures) : undefined };
}
