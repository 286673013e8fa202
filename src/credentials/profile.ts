import { readFile } from 'node:fs/promises';
import { CloudError } from '../cloud/errors.ts';
import { listAt, textAt } from '../cloud/json.ts';
import type { Source } from './source.ts';

type Profile = Source & { kind: 'profile' };
/** A source that needs no file any more. */
export type Resolved = Exclude<Source, Profile | { kind: 'assume' }> | (Source & { kind: 'assume'; base: Resolved });

/**
 * Puts in place of a profile what it stands for, also where a role is assumed with it.
 * @returns the source, and the region that the profile names
 * @throws CloudError `BadProfile`
 */
export async function resolveProfile(
  source: Source,
  sessionName: string,
): Promise<{ source: Resolved; region?: string }> {
  if (source.kind === 'profile') return readProfile(source, sessionName);
  if (source.kind !== 'assume') return { source };
  const { source: base, region } = await resolveProfile(source.base, sessionName);
  return { source: { ...source, base }, ...(region !== undefined && { region }) };
}

/**
 * Reads a profile of the Alibaba Cloud CLI (https://github.com/aliyun/aliyun-cli, `aliyun configure`): modes AK, StsToken,
 * RamRoleArn and EcsRamRole.
 * @throws CloudError `BadProfile` that names file and profile
 */
async function readProfile(
  { name, file, from }: Profile,
  sessionName: string,
): Promise<{ source: Resolved; region?: string }> {
  const refuse = (text: string) => new CloudError('profile', 'BadProfile', text);
  let config: unknown;
  try {
    config = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    // The text of a JSON error holds a piece of the file, which holds secrets.
    const code = (error as NodeJS.ErrnoException).code;
    throw refuse(code === undefined ? `${file} is not JSON` : `${file} cannot be read (${code})`);
  }
  const wanted = name ?? textAt(config, 'current') ?? 'default';
  const profiles = listAt(config, 'profiles');
  const profile = profiles.find((one) => textAt(one, 'name') === wanted);
  if (profile === undefined) {
    const names = profiles.map((one) => textAt(one, 'name') ?? '?').join(', ');
    throw refuse(`${file} has no profile ${wanted}, only: ${names || 'none'}`);
  }
  const text = (key: string): string => {
    const value = textAt(profile, key);
    if (value === undefined || value === '') throw refuse(`profile ${wanted} in ${file} has no ${key}`);
    return value;
  };
  const keys = () => ({ accessKeyId: text('access_key_id'), accessKeySecret: text('access_key_secret') });
  const origin = `${from}, profile ${wanted}`;
  const sources: Record<string, () => Resolved> = {
    AK: () => ({ kind: 'keys', keys: keys(), from: origin }),
    StsToken: () => ({ kind: 'keys', keys: { ...keys(), securityToken: text('sts_token') }, from: origin }),
    RamRoleArn: () => ({
      kind: 'assume',
      roleArn: text('ram_role_arn'),
      sessionName: textAt(profile, 'ram_session_name') || sessionName,
      base: { kind: 'keys', keys: keys(), from: origin },
      from: origin,
    }),
    EcsRamRole: () => ({ kind: 'ecs', roleName: text('ram_role_name'), from: origin }),
  };
  const mode = textAt(profile, 'mode') ?? 'AK';
  const source = sources[mode];
  if (source === undefined) {
    throw refuse(`profile ${wanted} in ${file} has mode ${mode}; known are ${Object.keys(sources).join(', ')}`);
  }
  const region = textAt(profile, 'region_id');
  return { source: source(), ...(region && { region }) };
}
