import { setOutput } from '@actions/core';
import type { RegionalImage } from '../run/context.ts';
import type { Outcome } from '../run/run.ts';

/** Sets image_id and image_ids; the first image is that of the request's own region. */
export function setImages(images: RegionalImage[]): void {
  setOutput('image_id', images[0]?.id ?? '');
  setOutput('image_ids', JSON.stringify(Object.fromEntries(images.map(({ region, id }) => [region, id]))));
}

/** Sets all outputs. The runner keeps the values of the last call. */
export function setOutputs({ images, taskId, object, replaced }: Partial<Outcome>): void {
  setImages(images ?? []);
  setOutput('task_id', taskId ?? '');
  setOutput('oss_object', object ?? '');
  setOutput('replaced_image_id', replaced ?? '');
}
