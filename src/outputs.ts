import { setOutput } from '@actions/core';
import type { Outcome } from './main.ts';

/** Sets what is known so far; the last call wins. */
export function setOutputs({ images, taskId, object, replaced }: Outcome): void {
  setOutput('image_id', images[0]?.id ?? '');
  setOutput('image_ids', JSON.stringify(Object.fromEntries(images.map(({ region, id }) => [region, id]))));
  setOutput('task_id', taskId ?? '');
  setOutput('oss_object', object ?? '');
  setOutput('replaced_image_id', replaced ?? '');
}
