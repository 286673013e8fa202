import type { Log } from '../cloud/door.ts';
import { CloudError, hasCode, isDenied, succeeds } from '../cloud/errors.ts';
import { listAt, parsed, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now, poll } from '../cloud/time.ts';

/** Names fixed by the service (https://help.aliyun.com/document_detail/25542.html). */
export const IMPORT_ROLE = 'AliyunECSImageImportDefaultRole';
export const IMPORT_POLICY = 'AliyunECSImageImportRolePolicy';

const ECS = 'ecs.aliyuncs.com';
const TRUST_STATEMENT = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [ECS] } };
const TRUST_POLICY = JSON.stringify({ Statement: [TRUST_STATEMENT], Version: '1' });

/**
 * What ImportImage answers when the role is missing (one `c` or two, as the documentation has it) or incomplete, and until
 * a new role or policy has spread.
 */
const ROLE_TROUBLE = /^(NoSetRoletoECSServiceAc+ount|InvalidOSS\.NotAuthorized)$/i;

/** Somebody else was faster. */
const THERE_ALREADY = /^EntityAlreadyExists/;

/** How long a new role may take to spread, in ms: undocumented; 5 s to 2 min were seen. */
const SPREAD = 180_000;

/**
 * Starts an import; where the import role is missing or lacks its policy, sets it up and starts again until it has spread.
 * @param beforeMaking - called before anything is made
 * @throws CloudError of the import, when the role is not at fault or may not be set up; of RAM otherwise
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
    if (!hasCode(error, ROLE_TROUBLE)) throw error;
    refusal = error;
  }
  try {
    const changed = await ensureImportRole(ram, log, beforeMaking);
    // A role that was complete all along: something else keeps ECS from the object.
    if (!changed && refusal.code === 'InvalidOSS.NotAuthorized') throw refusal;
  } catch (error) {
    if (!isDenied(error)) throw error;
    log.info(`The import role could not be set up: ${error.operation} is denied.`);
    throw refusal;
  }
  log.info('Waiting until ECS sees the role, for at most 3 minutes.');
  const again = async () => {
    try {
      return await start();
    } catch (error) {
      if (!hasCode(error, ROLE_TROUBLE)) throw error;
      refusal = error;
      return undefined;
    }
  };
  const begun = await poll({ first: 3_000, slowest: 15_000, deadline: now() + SPREAD }, again);
  if (begun === undefined) throw refusal;
  return begun;
}

/**
 * Makes the role with which ECS reads the bucket, or completes a half-made one. Idempotent.
 * @returns whether anything had to be done
 * @throws CloudError `RoleTrustsNotEcs` when the role exists and its trust policy, which is not ours to change, lacks ECS
 */
async function ensureImportRole(ram: Rpc, log: Log, beforeMaking: () => void): Promise<boolean> {
  const trust = await trustPolicy(ram);
  if (trust === undefined) {
    beforeMaking();
    const made = ram('CreateRole', {
      RoleName: IMPORT_ROLE,
      AssumeRolePolicyDocument: TRUST_POLICY,
      Description: 'ECS reads the disk images that it imports',
    });
    await succeeds(made, THERE_ALREADY);
    log.info(`Created the role ${IMPORT_ROLE}, with which ECS reads the bucket.`);
  } else if (!trustsEcs(trust)) {
    const text = `the trust policy of ${IMPORT_ROLE} lacks the statement ${JSON.stringify(TRUST_STATEMENT)}`;
    throw new CloudError('ram:GetRole', 'RoleTrustsNotEcs', text);
  }
  if (trust !== undefined && (await hasPolicy(ram))) return false;
  await attachPolicy(ram, log);
  return true;
}

/** Attaches the policy to a role that was left without it; a role that was never made is not made now. Idempotent. */
export async function completeImportRole(ram: Rpc, log: Log): Promise<void> {
  if ((await trustPolicy(ram)) !== undefined && !(await hasPolicy(ram))) await attachPolicy(ram, log);
}

const ROLE_ABSENT = 'EntityNotExist.Role';

async function attachPolicy(ram: Rpc, log: Log): Promise<void> {
  const policy = { PolicyType: 'System', PolicyName: IMPORT_POLICY, RoleName: IMPORT_ROLE };
  const attach = async () => {
    try {
      await succeeds(ram('AttachPolicyToRole', policy), THERE_ALREADY);
      return true;
    } catch (error) {
      // A role that was just made may not have spread yet.
      if (hasCode(error, ROLE_ABSENT) && now() < deadline) return undefined;
      throw error;
    }
  };
  const deadline = now() + 30_000;
  await poll({ first: 1_000, slowest: 5_000, deadline }, attach);
  log.info(`Attached the policy ${IMPORT_POLICY} to the role ${IMPORT_ROLE}.`);
}

async function trustPolicy(ram: Rpc): Promise<string | undefined> {
  try {
    return textAt(await ram('GetRole', { RoleName: IMPORT_ROLE }), 'Role', 'AssumeRolePolicyDocument') ?? '';
  } catch (error) {
    if (hasCode(error, ROLE_ABSENT)) return undefined;
    throw error;
  }
}

async function hasPolicy(ram: Rpc): Promise<boolean> {
  const answer = await ram('ListPoliciesForRole', { RoleName: IMPORT_ROLE });
  return listAt(answer, 'Policies', 'Policy').some((policy) => textAt(policy, 'PolicyName') === IMPORT_POLICY);
}

function trustsEcs(document: string): boolean {
  return listAt(parsed(document), 'Statement').some((statement) => {
    const services = [textAt(statement, 'Principal', 'Service'), ...listAt(statement, 'Principal', 'Service')];
    return textAt(statement, 'Effect') === 'Allow' && services.includes(ECS);
  });
}
