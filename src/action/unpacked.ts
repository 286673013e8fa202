import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getState, saveState } from '@actions/core';
import { textOf } from '../cloud/errors.ts';
import { shellQuote } from '../disk/text.ts';
import type { Output } from './log.ts';

/** The folder for unpacked disks. It is saved for post before it is created, because a cancelled main removes nothing. */
export function unpackFolder(): string {
  const folder = join(process.env.RUNNER_TEMP || tmpdir(), `alicloud-import-${randomUUID()}`);
  saveState('unpacked', folder);
  return folder;
}

/** The folder that main saved; empty when main ended before that. */
export const savedFolder = (): string => getState('unpacked');

/** Removes the folder for unpacked disks. A failure is a warning with the command to run. */
export async function removeUnpacked(folder: string, log: Output): Promise<void> {
  if (folder === '') return;
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
    log.warning(`${folder} was not removed (${textOf(error)}). Run: rm -r ${shellQuote(folder)}`);
  });
}
