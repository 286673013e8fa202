import { textOf } from '../cloud/errors.ts';
import { resolveProfile, type Resolved } from '../credentials/profile.ts';
import type { Fields } from './fields.ts';
import { knownSecrets, readIdentity, SESSION } from './identity.ts';

/** Who runs the action. */
export interface Caller {
  /** Undefined only with a problem, or in a dry run without credentials. */
  source: Resolved | undefined;
  /** Region of the profile, if one is used; not checked. */
  profileRegion: string | undefined;
  dryRun: boolean;
  /** To be hidden before anything is printed. */
  secrets: string[];
}

/** Reads the inputs and variables about credentials, and the profile that they name. This is all that post reads. */
export async function readCaller(fields: Fields, env: NodeJS.ProcessEnv = process.env): Promise<Caller> {
  const dryRun = fields.flag('dry_run', false);
  const sessionName =
    fields.optional('ram_session_name', SESSION) ?? `alicloud-import-${env.GITHUB_RUN_ID ?? '0'}`.slice(0, 32);
  const identity = readIdentity(fields, env, sessionName, dryRun);
  const resolved =
    identity &&
    (await resolveProfile(identity, sessionName).catch((error: unknown) => {
      fields.problems.push(`${textOf(error)}.`);
      return undefined;
    }));
  return { source: resolved?.source, profileRegion: resolved?.region, dryRun, secrets: knownSecrets(env) };
}
