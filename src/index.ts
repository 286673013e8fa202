import { getState, saveState } from '@actions/core';
import { explain } from './advice.ts';
import { CheckFailed } from './check.ts';
import { CloudError, isLockedOut, textOf } from './cloud/errors.ts';
import { connect } from './connect.ts';
import { resolveProfile } from './credentials/profile.ts';
import { endsByItself } from './credentials/source.ts';
import { bytes, DiskError, type DiskImage } from './disk/disk.ts';
import { findDisk } from './disk/find.ts';
import { openDisk } from './disk/inspect.ts';
import { readInputs, type ImportRequest } from './inputs.ts';
import { Ledger, type Made } from './ledger.ts';
import { openLog, type Output } from './log.ts';
import { run, type Outcome } from './main.ts';
import { post } from './post.ts';
import { writeSummary } from './summary.ts';

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
  const disk = await openInput(request, problems);
  if (disk === undefined || identity === undefined) throw new BadInput(problems);
  try {
    disk.warnings.forEach(log.warning);
    const inside = disk.format === 'RAW' ? '' : `, a disk of ${bytes(disk.virtualSize)} inside`;
    log.info(`${disk.path}: ${disk.format}, ${bytes(disk.size)}${inside}.`);
    log.info(`Credentials from ${identity.from}.`);
    if (endsByItself(identity)) log.warning(SHORT_LIVED);
    const ledger = new Ledger((made) => {
      saveState('made', JSON.stringify(made));
    });
    const outcome: Outcome = { region: request.region, leftovers: [], times: {} };
    await run({ request, disk, cloud: connect(request, identity, log), ledger, log, outcome });
    log.info(`Imported ${outcome.image?.id ?? ''} as ${request.image.name} in ${request.region}.`);
    await writeSummary(request, outcome, log.safe);
  } catch (error) {
    throw isLockedOut(error) ? withSource(error, identity.from) : error;
  } finally {
    await disk.handle.close();
  }
}

/** Who is refused altogether has to know which credentials these were; there is never a second source to try. */
const withSource = (error: CloudError, from: string) =>
  error.reworded(`${error.message.replace(/\.$/, '')} (credentials from ${from}, the only source that was tried)`);

const SHORT_LIVED =
  'A security token ends after 30 to 60 minutes by default and cannot be renewed from here; an import may take longer. ' +
  'With ram_role_arn and oidc_provider_arn the session is renewed as long as needed.';

/** Opens the file that `path` names; adds what is wrong with it to the problems, and gives it only when there are none. */
async function openInput(request: ImportRequest, problems: string[]): Promise<DiskImage | undefined> {
  if (request.path === '') return undefined;
  let disk: DiskImage | undefined;
  try {
    disk = await openDisk(await findDisk(request.path, request.run.workspace), request.format);
    const { systemSize } = request.image;
    if (systemSize !== undefined && systemSize * 1024 ** 3 < disk.virtualSize) {
      const needed = Math.ceil(disk.virtualSize / 1024 ** 3);
      problems.push(
        `image_system_size ${systemSize} GiB is less than the disk inside the file: it needs ${needed} GiB.`,
      );
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length === 0) return disk;
  await disk?.handle.close();
  return undefined;
}

async function cleanUpAfter(log: Output): Promise<void> {
  const made = getState('made');
  if (made === '') return;
  const { request, problems, identity } = await readRequest(log);
  if (identity === undefined) throw new BadInput(problems);
  await post(request, connect(request, identity, log), JSON.parse(made) as Made[], log);
}

/** What the one annotation of a failed run says. */
function report(error: unknown): string {
  if (error instanceof DiskError) return `Nothing was imported. ${error.problems.join(' ')}`;
  if (error instanceof BadInput) {
    return ['Nothing was sent. What to mend:', ...error.problems.map((problem) => `- ${problem}`)].join('\n');
  }
  if (error instanceof CheckFailed) {
    return ['Nothing was uploaded.', ...error.problems.map((problem) => `- ${explain(problem)}`)].join('\n');
  }
  return error instanceof CloudError ? explain(error) : `Unexpected: ${textOf(error)}`;
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
    if (isPost) log.warning(report(error));
    else log.fail(report(error));
  }
}

void start();
