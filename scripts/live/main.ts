/**
 * The program of .github/workflows/live.yml: `prepare` writes the disk that the action imports, `ask` answers the questions
 * of questions.ts with the live account, `clean` deletes everything that the run made.
 */
import { readFile } from 'node:fs/promises';
import { summary } from '@actions/core';
import { unpackDisk } from '../packed-disk.ts';
import { openAccount, type Live } from './account.ts';
import { clean } from './clean.ts';
import { DISK, refusal } from './imports.ts';
import { askAll } from './questions.ts';

/** Requires the import role, because the action never deletes a role that it has created. */
async function prepare({ cloud, log }: Live): Promise<void> {
  const no = await refusal(cloud.ram('GetRole', { RoleName: 'AliyunECSImageImportDefaultRole' }));
  if (no?.code === 'EntityNotExist.Role') {
    log.fail(['The import role does not exist: create it first, see "An import role" in docs/permissions.md.']);
    return;
  }
  await unpackDisk(await readFile(new URL('../fixture.img.gz', import.meta.url)), DISK);
}

async function ask(live: Live): Promise<void> {
  const table = await askAll(live);
  for (const row of table) live.log.info(row);
  await summary.addRaw(`### What the account says\n\n${table.join('\n')}\n`).write();
}

async function cleanUp(live: Live): Promise<void> {
  const left = await clean(live);
  if (left.length > 0) live.log.fail(['Left behind:', ...left.map((one) => `- ${one}`)]);
}

const [command = ''] = process.argv.slice(2);
const work = { prepare, ask, clean: cleanUp }[command];
if (work === undefined) throw new Error(`"${command}" is none of prepare, ask and clean`);
await work(openAccount());
