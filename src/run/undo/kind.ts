import type { RegionalImage, UndoContext } from '../context.ts';
import type { Made } from '../ledger.ts';

export type MadeOf<K extends Made['kind']> = Extract<Made, { kind: K }>;

/** How one kind of thing is undone. */
export interface Undo<K extends Made['kind']> {
  /** When time is short, no try of it starts after this moment, in ms after the start of the post step. */
  deadline: number;
  /**
   * Idempotent. An image that turns out to be finished stays and is returned.
   * @throws CloudError when it could not be undone
   */
  undo(made: MadeOf<K>, context: UndoContext): Promise<RegionalImage | undefined>;
  /** What may still exist, and the command that removes it. */
  byHand(made: MadeOf<K>, context: Pick<UndoContext, 'request' | 'me'>): string;
}

/** For a shell. */
export const quoted = (text: string): string =>
  /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
export const removeCommand = (bucket: string, key: string): string => `ossutil rm ${quoted(`oss://${bucket}/${key}`)}`;
export const ecsCommand = (region: string, action: string, parameters: string): string =>
  `aliyun ecs ${action} --RegionId ${region} ${parameters}`;
