import { setOutput } from '@actions/core';
import type { Outcome } from './main.ts';

/** Sets what is known so far; the last call wins. */
export function setOutputs({ image, region, taskId, object, replaced }: Outcome): void {
  setOutput('image_id', image?.id ?? '');
  setOutput('image_ids', JSON.stringify(image === undefined ? {} : { [region]: image.id }));
  setOutput('task_id', taskId ?? '');
  setOutput('oss_object', object ?? '');
  setOutput('replaced_image_id', replaced ?? '');
}
