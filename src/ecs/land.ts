import { CloudError, hasCode } from '../cloud/errors.ts';
import { findImages, type Image } from './images.ts';
import type { Import } from './import.ts';
import { temporaryName } from './names.ts';
import { settle, type Name } from './settle.ts';
import { waitForImage } from './wait.ts';

/** Where an image lands: one name in one region. */
export interface Place extends Name {
  region: string;
  /** Whether an image holds the name already. */
  held: boolean;
  /** Whether an image that holds the name is to be replaced. */
  replaces: boolean;
  /** Called the moment the image is Available, whatever becomes of its name. */
  onAvailable: (image: Image) => void;
  /** Called when the name was taken from an image. */
  onReplaced: (id: string) => void;
}

/**
 * Makes an image, waits until it is Available and gives it the name; an image that holds the name is set aside first.
 * @param make - starts the making of an image under the name that it is given, or goes on with one under way
 * @throws CloudError; the message of one thrown during the swap says which image holds the name
 */
export async function land(place: Place, make: (name: string) => Promise<Import>): Promise<Image> {
  const { log, name, held, replaces } = place;
  const temporary = temporaryName(name, place.runId);
  const made = await make(held ? temporary : name).catch((error: unknown) => {
    if (held || !replaces || !hasCode(error, 'InvalidImageName.Duplicated')) throw error;
    log.info(`Another image has taken the name ${name} in the meantime; it will be replaced.`);
    return make(temporary);
  });
  const image = await waitForImage(place, made);
  place.onAvailable(image);
  if (image.name !== name) await takeName(place, image);
  return { ...image, name };
}

/** Gives the name to the new image; where that fails halfway, back to the old one. */
async function takeName(place: Place, image: Image): Promise<void> {
  const moved: string[] = [];
  try {
    await settle(place, image.id, 'new', moved);
    const replaced = moved.at(-1);
    if (replaced !== undefined) place.onReplaced(replaced);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (moved.length > 0) await settle(place, image.id, 'old', moved).catch(() => undefined);
    throw error.reworded(`${error.message}; ${await namesOf(place, image.id)}`);
  }
}

async function namesOf({ ecs, name, region }: Place, newId: string): Promise<string> {
  const command = `aliyun ecs ModifyImageAttribute --RegionId ${region} --ImageId ${newId} --ImageName ${name}`;
  const what = `the new image ${newId} is Available`;
  try {
    const [holder] = await findImages(ecs, { name });
    const [fresh] = await findImages(ecs, { id: newId });
    const held = holder === undefined ? `no image holds the name ${name}` : `image ${holder.id} holds the name ${name}`;
    return `${held}, ${what} as ${fresh?.name ?? 'unknown'}. To name it: ${command}`;
  } catch {
    return `${what}, and which image holds the name ${name} cannot be seen. To name it: ${command}`;
  }
}
