import { readFile } from 'node:fs/promises';
import { CloudError, textOf } from '../cloud/errors.ts';
import { listAt, parsed, textAt } from '../cloud/json.ts';
import type { Source } from './source.ts';

type Profile = Source & { kind: 'profile' };
/** A source that is not a profile, and not based on one. */
export type Resolved = Exclude<Source, Profile | { kind: 'assume' }> | (Source & { kind: 'assume'; base: Resolved });

/** A source, and the region that its profile names. */
interface Found {
  source: Resolved;
  region?: string | undefined;
}

/**
 * Replaces a profile by the source that it describes, also as the base of an assumed role.
 * @param sessionName - if the profile has none
 * @throws CloudError `BadProfile`
 */
export async function resolveProfile(source: Source, sessionName: string): Promise<Found> {
  if (source.kind === 'profile') return readProfile(source, sessionName);
  if (source.kind !== 'assume') return { source };
  const { source: base, region } = await resolveProfile(source.base, sessionName);
  return { source: { ...source, base }, region };
}

/**
 * Reads a profile of the Alibaba Cloud CLI (https://github.com/aliyun/aliyun-cli, `aliyun configure`): modes AK, StsToken,
 * RamRoleArn and EcsRamRole.
 * @throws CloudError `BadProfile` with file and profile
 */
async function readProfile({ name, file, from }: Profile, sessionName: string): Promise<Found> {
  const refuse = (text: string) => new CloudError('profile', 'BadProfile', `${from}: ${text}`);
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code ?? textOf(error);
    throw refuse(`${file} cannot be read (${code}); check shared_credentials_file`);
  });
  const config = parsed(content);
  if (config === undefined) throw refuse(`${file} is not JSON`);
  const profiles = listAt(config, 'profiles');
  const profile = profiles.find((one) => textAt(one, 'name') === name);
  if (profile === undefined) {
    const names = profiles.map((one) => textAt(one, 'name') ?? '?').join(', ');
    throw refuse(`${file} has no profile ${name}. Its profiles: ${names || 'none'}`);
  }
  const text = (key: string): string => {
    const value = textAt(profile, key);
    if (value === undefined || value === '') throw refuse(`profile ${name} in ${file} has no ${key}`);
    return value;
  };
  const optional = (key: string): string | undefined => textAt(profile, key) || undefined;
  const keys = () => ({ accessKeyId: text('access_key_id'), accessKeySecret: text('access_key_secret') });
  /** Like the CLI, this uses the token of the profile, if there is one, to assume the role. */
  const callerKeys = () => {
    const securityToken = optional('sts_token');
    return { ...keys(), ...(securityToken && { securityToken }) };
  };
  const origin = `${from}, profile ${name}`;
  const externalId = optional('external_id');
  const sources: Record<string, () => Resolved> = {
    AK: () => ({ kind: 'keys', keys: keys(), from: origin }),
    StsToken: () => ({ kind: 'keys', keys: { ...keys(), securityToken: text('sts_token') }, from: origin }),
    RamRoleArn: () => ({
      kind: 'assume',
      roleArn: text('ram_role_arn'),
      ...(externalId && { externalId }),
      sessionName: optional('ram_session_name') ?? sessionName,
      base: { kind: 'keys', keys: callerKeys(), from: origin },
      from: origin,
    }),
    EcsRamRole: () => ({ kind: 'ecs', roleName: optional('ram_role_name'), from: origin }),
  };
  const mode = textAt(profile, 'mode') ?? 'AK';
  const source = sources[mode];
  if (source === undefined) {
    throw refuse(`profile ${name} in ${file} has mode ${mode}, which is not one of ${Object.keys(sources).join(', ')}`);
  }
  return { source: source(), region: textAt(profile, 'region_id') };
}
