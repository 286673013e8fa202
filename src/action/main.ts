import { getIDToken } from '@actions/core';
import { isLockedOut, textOf, type CloudError } from '../cloud/errors.ts';
import type { Resolved } from '../credentials/profile.ts';
import { cannotBeRenewed } from '../credentials/source.ts';
import type { DiskImage } from '../disk/disk.ts';
import { bytes } from '../disk/text.ts';
import { openClients } from '../run/clients.ts';
import type { Context, RegionalImage } from '../run/context.ts';
import { openDisks } from '../run/disks.ts';
import { Ledger } from '../run/ledger.ts';
import { newMark } from '../run/ownership.ts';
import type { ImportRequest } from '../run/request.ts';
import { run, type Outcome } from '../run/run.ts';
import { readCaller } from './caller.ts';
import { Fields } from './fields.ts';
import { readInputs } from './inputs.ts';
import type { Output } from './log.ts';
import { setImages, setOutputs } from './outputs.ts';
import { BadInput, report } from './report.ts';
import { savePost } from './state.ts';
import { removeUnpacked, unpackFolder } from './unpacked.ts';
import { writeSummary } from './summary.ts';

const NOTHING: Outcome = { images: [], staged: [], leftovers: [] };

/** The main step: inputs, disks, run, outputs, summary. @throws the reason why the run failed */
export async function main(log: Output): Promise<void> {
  setOutputs(NOTHING);
  const fields = new Fields();
  const caller = await readCaller(fields);
  caller.secrets.forEach(log.hide);
  const { request, warnings } = readInputs(fields, caller);
  const { problems } = fields;
  const { source } = caller;
  warnings.forEach(log.warning);
  const folder = unpackFolder();
  // With problems in the inputs, only the headers of the file are read and nothing is unpacked.
  const opening = { ...request, dryRun: request.dryRun || problems.length > 0 };
  const { disks, problems: doubts } = await openDisks(opening, folder, log);
  let outcome = NOTHING;
  let failure: unknown;
  try {
    if (problems.length + doubts.length > 0) throw new BadInput([...problems, ...doubts]);
    sayDisks(disks, log);
    if (source === undefined) {
      outcome = { ...NOTHING, wouldDo: [], notChecked: 'everything in the cloud, because no credentials were given' };
      log.info('File and inputs are valid. Nothing in the cloud was checked, because no credentials were given.');
    } else {
      outcome = await run(openContext(request, disks, source, log));
      failure = outcome.failure;
    }
  } catch (error) {
    failure = error;
  }
  for (const { handle } of disks) await handle.close();
  await removeUnpacked(folder, log);
  setOutputs(outcome);
  for (const { id, name, region } of outcome.images) log.info(`Imported ${id} as ${name} in ${region}.`);
  const known = source !== undefined && isLockedOut(failure) ? withSource(failure, source.from) : failure;
  const failures = known === undefined ? [] : report(known).problems;
  // An import does not fail because the runner cannot take a summary.
  await writeSummary({ request, disks, outcome, failures }, log.safe).catch((error: unknown) => {
    log.debug(`No summary: ${textOf(error)}`);
  });
  if (known !== undefined) throw known as Error;
}

function sayDisks(disks: DiskImage[], log: Output): void {
  for (const { path, format, size, virtualSize, warnings, container } of disks) {
    warnings.forEach(log.warning);
    if (container !== undefined) log.info(`${container.path}: ${container.kind}, ${bytes(container.size)}.`);
    const inside = format === 'RAW' ? '' : `, a disk of ${bytes(virtualSize)} inside`;
    // A dry run does not unpack, and not every container says how large its content is.
    const total = size === 0 ? 'size unknown' : bytes(size);
    log.info(`${container === undefined ? path : 'To import'}: ${format}, ${total}${inside}.`);
  }
}

function openContext(request: ImportRequest, disks: DiskImage[], source: Resolved, log: Output): Context {
  log.info(`Credentials from ${source.from}.`);
  if (cannotBeRenewed(source)) log.warning(SHORT_LIVED);
  const me = newMark(request);
  const { region, bucket, hosts, skipClean, forceDeleteSnapshots } = request;
  const place = { region, bucket, hosts, skipClean, forceDeleteSnapshots };
  const ledger = new Ledger((made, account) => {
    savePost({ me, request: place, account, made });
  });
  const available: RegionalImage[] = [];
  return {
    request,
    disks,
    me,
    clients: openClients(request, source, { env: process.env, idToken: getIDToken, log, hide: log.hide }),
    ledger,
    log,
    onAvailable: (image) => {
      available.push(image);
      setImages(available);
    },
  };
}

/** Names the source of refused credentials, because users suspect that another one was used. No second one is ever tried. */
const withSource = (error: CloudError, from: string) =>
  error.reworded(`${error.message.replace(/\.$/, '')} (credentials from ${from}, the only source that was tried)`);

const SHORT_LIVED =
  'A security token expires after 30 to 60 minutes by default, and the action cannot renew it. An import may take longer. ' +
  'With ram_role_arn and oidc_provider_arn, the action renews the session as needed.';
