import { expect } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { mbr } from '../disk/build.ts';
import { openScene, pseudoRandom, requests, writeDisk, type Scene, type SceneOptions } from './scene.ts';

/** A scene for tests of requests and messages, not of the upload: one small part, a short import. */
export function quickScene(options: SceneOptions = {}): Promise<Scene> {
  return openScene({ speed: 100, importSeconds: 5, write: tinyDisk, ...options });
}

/** A disk that boots with BIOS and fits into one part. */
export async function tinyDisk(path: string): Promise<void> {
  const table = mbr([{ active: true, type: 0x83, start: 8, count: 100 }], '\u00eb\u0063');
  await writeDisk(path, 65_536, [
    [0, table],
    [4096, pseudoRandom(61_440, 7)],
  ]);
}

/** Returns the requests since this call. */
export function recordFrom({ simulator }: Scene) {
  const start = simulator.record.length;
  return () => simulator.record.slice(start);
}

/** The parameters of the last ImportImage. */
export const imported = (scene: Scene): Record<string, string> =>
  requests(scene, 'ecs:ImportImage').at(-1)?.params ?? {};

/** Denies rights to the administrator. */
export function deny({ simulator }: Scene, ...actions: string[]): void {
  const { admin } = simulator;
  admin.statements = [...admin.statements, { Effect: 'Deny', Action: actions, Resource: '*' }];
}

/** The annotations of the step. */
export const annotations = ({ commands }: StageResult, kind: 'error' | 'warning' = 'error'): string[] =>
  commands.filter(({ command }) => command === kind).map(({ message }) => message);

/** The only error annotation of a failed run. */
export function theError(result: StageResult): string {
  expect(result.conclusion).toBe('failure');
  const [error = '', ...more] = annotations(result);
  expect(more).toEqual([]);
  return error;
}
