import type { RpcHandlers } from '../table.ts';
import { COPIES } from './copies.ts';
import { IMAGES } from './images.ts';
import { importImage } from './import.ts';
import { TAGS } from './tags.ts';
import { TASKS } from './tasks.ts';

export const ECS: RpcHandlers = { ImportImage: importImage, ...IMAGES, ...TASKS, ...COPIES, ...TAGS };
