import './quiet.ts';
import { getState, saveState } from '@actions/core';
import { explain } from './advice.ts';
import { CloudError, CloudErrors, isLockedOut, textOf } from './cloud/errors.ts';
import { connect } from './connect.ts';
import { resolveProfile } from './credentials/profile.ts';
import { endsByItself } from './credentials/source.ts';
import { bytes, DiskError, type DiskImage } from './disk/disk.ts';
import { findDisk } from './disk/find.ts';
import { openDisk } from './disk/inspect.ts';
import { readInputs, type ImportRequest } from './inputs.ts';
import { Ledger, type Made } from './ledger.ts';
import { openLog, type Output } from './log.ts';
import { run } from './main.ts';
import { post } from './post.ts';
import { writeSummary, type Told } from './summary.ts';

/** Problems that were found before anything was sent, one line each. */
class BadInput extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super('bad input');
    this.problems = problems;
  }
}

/** Inputs, environment and profile as one request; every secret is hidden from now on. */
async function readRequest(log: Output) {
  const { request, problems, warnings, secrets } = readInputs();
  secrets.forEach(log.hide);
  const { run, identity } = request;
  const resolved =
    identity &&
    (await resolveProfile(identity, `alicloud-import-${run.id}`).catch((error: unknown) => {
      problems.push(`${textOf(error)}.`);
      return undefined;
    }));
  request.region ||= resolved?.region ?? '';
  if (request.region === '')
    problems.push('region is missing: neither the input nor ALICLOUD_REGION nor a profile names it.');
  return { request, problems, warnings, identity: resolved?.source };
}

async function main(log: Output): Promise<void> {
  const { request, problems, warnings, identity } = await readRequest(log);
  warnings.forEach(log.warning);
  const told: Told = {
    request,
    disks: [],
    outcome: { images: [], staged: [], leftovers: [], times: {} },
    failures: [],
  };
  try {
    told.disks = await openDisks(request, problems);
    await importAll(told, problems, identity, log);
  } catch (error) {
    const known = identity !== undefined && isLockedOut(error) ? withSource(error, identity.from) : error;
    told.failures = report(known).problems;
    throw known;
  } finally {
    for (const { handle } of told.disks) await handle.close();
    // A runner without summaries is no reason to fail an import.
    await writeSummary(told, log.safe).catch((error: unknown) => {
      log.debug(`No summary: ${textOf(error)}`);
    });
  }
}

async function importAll(
  { request, disks, outcome }: Told,
  problems: string[],
  identity: Parameters<typeof connect>[1] | undefined,
  log: Output,
): Promise<void> {
  if (problems.length > 0) throw new BadInput(problems);
  for (const { path, format, size, virtualSize, warnings: doubts } of disks) {
    doubts.forEach(log.warning);
    const inside = format === 'RAW' ? '' : `, a disk of ${bytes(virtualSize)} inside`;
    log.info(`${path}: ${format}, ${bytes(size)}${inside}.`);
  }
  if (identity === undefined) {
    log.info('File and inputs are in order. Not checked: everything in the cloud, for want of credentials.');
    return;
  }
  log.info(`Credentials from ${identity.from}.`);
  if (endsByItself(identity)) log.warning(SHORT_LIVED);
  const ledger = new Ledger((made) => {
    saveState('made', JSON.stringify(made));
  });
  await run({ request, disks, cloud: connect(request, identity, log), ledger, log, outcome });
  for (const { id, name, region } of outcome.images) log.info(`Imported ${id} as ${name} in ${region}.`);
}

/** Who is refused altogether has to know which credentials these were; there is never a second source to try. */
const withSource = (error: CloudError, from: string) =>
  error.reworded(`${error.message.replace(/\.$/, '')} (credentials from ${from}, the only source that was tried)`);

const SHORT_LIVED =
  'A security token ends after 30 to 60 minutes by default and cannot be renewed from here; an import may take longer. ' +
  'With ram_role_arn and oidc_provider_arn the session is renewed as long as needed.';

/** Opens the files that `path` and `data_disk_paths` name, and adds what is wrong with them to the problems. */
async function openDisks(request: ImportRequest, problems: string[]): Promise<DiskImage[]> {
  const disks: DiskImage[] = [];
  for (const [n, path] of [request.path, ...request.dataDisks].entries()) {
    if (path === '') continue;
    try {
      const found = await findDisk(path, request.run.workspace);
      disks.push(await openDisk(found, n === 0 ? request.format : undefined, n === 0));
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      problems.push(...error.problems);
    }
  }
  problems.push(...disksProblems(request, disks));
  return disks;
}

/** What the disks and the request together make impossible. */
function disksProblems({ image, dataDisks, distribution }: ImportRequest, disks: DiskImage[]): string[] {
  const problems: string[] = [];
  const [system] = disks;
  const needed = Math.ceil((system?.virtualSize ?? 0) / 1024 ** 3);
  if (image.systemSize !== undefined && image.systemSize < needed) {
    problems.push(
      `image_system_size ${image.systemSize} GiB is less than the disk inside the file: it needs ${needed} GiB.`,
    );
  }
  if (dataDisks.length > 16)
    problems.push('data_disk_paths names more than 16 disks, which is the most that ECS takes.');
  for (const { path, virtualSize } of disks) {
    if (virtualSize > 2048 * 1024 ** 3)
      problems.push(`${path}: a disk of ${bytes(virtualSize)}; ECS takes at most 2048 GiB.`);
  }
  const isCopied = distribution.copies.length > 0 || distribution.encrypted;
  if (isCopied && disks.some(({ format }) => format === 'VHD')) {
    problems.push(
      'ECS cannot copy or encrypt an image made from a VHD: convert the file with qemu-img convert -O qcow2.',
    );
  }
  return problems;
}

async function cleanUpAfter(log: Output): Promise<void> {
  const made = getState('made');
  if (made === '') return;
  const { request, problems, identity } = await readRequest(log);
  if (identity === undefined) throw new BadInput(problems);
  await post(request, connect(request, identity, log), JSON.parse(made) as Made[], log);
}

/** What a failed run says: problems of one line each, and what they have in common. */
function report(error: unknown): { head?: string; problems: string[] } {
  if (error instanceof DiskError) return { problems: [`Nothing was imported. ${error.problems.join(' ')}`] };
  if (error instanceof BadInput) return { head: 'Nothing was sent. What to mend:', problems: error.problems };
  if (error instanceof CloudErrors) return { head: error.message, problems: error.errors.map(explain) };
  return { problems: [error instanceof CloudError ? explain(error) : `Unexpected: ${textOf(error)}`] };
}

/** The one annotation of a failed run. */
function annotation(error: unknown): string {
  const { head, problems } = report(error);
  return head === undefined ? problems.join('\n') : [head, ...problems.map((one) => `- ${one}`)].join('\n');
}

async function start(): Promise<void> {
  const log = openLog();
  // What dependencies say of themselves (DEP0169 of url.parse, urllib's stacks) is for us, not for the user's log.
  process.removeAllListeners('warning').on('warning', ({ stack, message }) => {
    log.debug(stack ?? message);
  });
  console.warn = console.error = (...parts: unknown[]) => {
    log.debug(parts.map(String).join(' '));
  };
  const isPost = getState('isPost') !== '';
  saveState('isPost', 'true');
  try {
    await (isPost ? cleanUpAfter(log) : main(log));
  } catch (error) {
    if (error instanceof Error) log.debug(error.stack ?? '');
    if (isPost) log.warning(annotation(error));
    else log.fail(annotation(error));
  }
}

void start();
