import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getState, saveState } from '@actions/core';
import { textOf } from '../cloud/errors.ts';
import type { Output } from './log.ts';

/** Where disks are unpacked. Post knows it before anything is made there: a cancelled main removes nothing. */
export function unpackFolder(): string {
  const folder = join(process.env.RUNNER_TEMP || tmpdir(), `alicloud-import-${randomUUID()}`);
  saveState('unpacked', folder);
  return folder;
}

/** The folder of main; empty when main has not come that far. */
export const savedFolder = (): string => getState('unpacked');

export async function removeUnpacked(folder: string, log: Output): Promise<void> {
  if (folder === '') return;
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
    log.warning(`${folder} stays (${textOf(error)}). Remove it: rm -r '${folder}'`);
  });
}
