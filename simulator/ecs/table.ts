import type { RpcRow } from '../call.ts';
import { IMAGES } from './images.ts';
import { IMPORT } from './import.ts';
import { TASKS } from './tasks.ts';

export const ECS: RpcRow[] = [IMPORT, ...IMAGES, ...TASKS];
