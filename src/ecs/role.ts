import type { Log } from '../cloud/door.ts';
import { CloudError, isDenied } from '../cloud/errors.ts';
import { listAt, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';

/** Names fixed by the service (https://help.aliyun.com/document_detail/25542.html). */
export const IMPORT_ROLE = 'AliyunECSImageImportDefaultRole';
export const IMPORT_POLICY = 'AliyunECSImageImportRolePolicy';

const ECS = 'ecs.aliyuncs.com';
export const TRUST_STATEMENT = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [ECS] } };
const TRUST_POLICY = JSON.stringify({ Statement: [TRUST_STATEMENT], Version: '1' });

/** Whether ImportImage says that its role is missing (one `c` or two, as the documentation has it). */
const isRoleMissing = (error: unknown): error is CloudError =>
  error instanceof CloudError && /^NoSetRoletoECSServiceAc+ount$/i.test(error.code);

const NOT_AUTHORIZED = 'InvalidOSS.NotAuthorized';
/** What ImportImage answers when the role lacks its policy, and until a new role or policy has spread. */
const isSpreading = (error: unknown): error is CloudError =>
  isRoleMissing(error) || (error instanceof CloudError && error.code === NOT_AUTHORIZED);

/** How long a new role may take to spread, in ms: undocumented; 5 s to 2 min were seen. */
const SPREAD = 180_000;

/**
 * Starts an import; where the import role is missing or half made, makes it and starts again until it has spread.
 * @param beforeMaking - called before anything is made
 * @throws CloudError of the import, when the role is missing and may not be made; of RAM otherwise
 */
export async function withImportRole<T>(
  ram: Rpc,
  log: Log,
  beforeMaking: () => void,
  start: () => Promise<T>,
): Promise<T> {
  let refusal: CloudError;
  try {
    return await start();
  } catch (error) {
    if (!isSpreading(error)) throw error;
    refusal = error;
  }
  beforeMaking();
  try {
    const made = await ensureImportRole(ram, log);
    // The role is as it should be, and yet may not read: a policy of the bucket's, which no wait changes.
    if (!made && refusal.code === NOT_AUTHORIZED) throw refusal;
  } catch (error) {
    if (!isDenied(error)) throw error;
    log.info(`The import role cannot be made or mended: ${(error as CloudError).operation} is denied.`);
    throw refusal;
  }
  const again = async () => {
    try {
      return await start();
    } catch (error) {
      if (!isSpreading(error)) throw error;
      refusal = error;
      log.info('The import role has not spread yet.');
      return undefined;
    }
  };
  const begun = await poll({ first: 3_000, slowest: 15_000, deadline: now() + SPREAD }, again);
  if (begun === undefined) throw refusal;
  return begun;
}

/**
 * Makes the role with which ECS reads the bucket, or completes a half-made one, which has no policy at all. Idempotent.
 * @returns whether anything was missing
 * @throws CloudError `RoleTrustsNotEcs` when the role exists and its trust policy, which is not ours to change, lacks ECS
 */
export async function ensureImportRole(ram: Rpc, log: Log): Promise<boolean> {
  const trust = await trustPolicy(ram);
  if (trust === undefined) {
    await unlessThere(
      ram('CreateRole', {
        RoleName: IMPORT_ROLE,
        AssumeRolePolicyDocument: TRUST_POLICY,
        Description: 'ECS reads the disk images that it imports',
      }),
    );
    log.info(`Created the role ${IMPORT_ROLE}, with which ECS reads the bucket.`);
  } else if (!trustsEcs(trust)) {
    const statement = JSON.stringify(TRUST_STATEMENT);
    throw new CloudError(
      'ram:GetRole',
      'RoleTrustsNotEcs',
      `the trust policy of ${IMPORT_ROLE} lacks the statement ${statement}`,
    );
  }
  if (trust !== undefined && (await hasPolicies(ram))) return false;
  await unlessThere(
    ram('AttachPolicyToRole', { PolicyType: 'System', PolicyName: IMPORT_POLICY, RoleName: IMPORT_ROLE }),
  );
  log.info(`Attached the policy ${IMPORT_POLICY} to the role ${IMPORT_ROLE}.`);
  return true;
}

async function trustPolicy(ram: Rpc): Promise<string | undefined> {
  try {
    return textAt(await ram('GetRole', { RoleName: IMPORT_ROLE }), 'Role', 'AssumeRolePolicyDocument') ?? '';
  } catch (error) {
    if (error instanceof CloudError && error.code === 'EntityNotExist.Role') return undefined;
    throw error;
  }
}

/** A role with any policy is somebody's work: it is not given further rights. */
async function hasPolicies(ram: Rpc): Promise<boolean> {
  const answer = await ram('ListPoliciesForRole', { RoleName: IMPORT_ROLE });
  return listAt(answer, 'Policies', 'Policy').length > 0;
}

function trustsEcs(document: string): boolean {
  try {
    return listAt(JSON.parse(document), 'Statement').some((statement) => {
      const service = (statement as { Principal?: { Service?: unknown } }).Principal?.Service;
      return textAt(statement, 'Effect') === 'Allow' && [service].flat().includes(ECS);
    });
  } catch {
    return false;
  }
}

async function unlessThere(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof CloudError) || !error.code.startsWith('EntityAlreadyExists')) throw error;
  }
}
