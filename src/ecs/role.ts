import { callWhile } from '../cloud/again.ts';
import type { Log } from '../cloud/log.ts';
import { CloudError, hasCode, succeeds } from '../cloud/errors.ts';
import { listAt, parsed, textAt } from '../cloud/json.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { now } from '../cloud/time.ts';

/** Names fixed by the service (https://help.aliyun.com/document_detail/25542.html). */
export const IMPORT_ROLE = 'AliyunECSImageImportDefaultRole';
export const IMPORT_POLICY = 'AliyunECSImageImportRolePolicy';

const ECS = 'ecs.aliyuncs.com';
const TRUST_STATEMENT = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [ECS] } };
/** The rights in the system policy. */
const READ_STATEMENT = {
  Action: ['oss:GetObject', 'oss:GetBucketLocation', 'oss:GetBucketInfo'],
  Effect: 'Allow',
  Resource: '*',
};
const TRUST_POLICY = JSON.stringify({ Statement: [TRUST_STATEMENT], Version: '1' });

/** ImportImage refuses with these codes when the role is missing or incomplete; the documentation has both spellings. */
export const ROLE_INCOMPLETE = /^(NoSetRoletoECSServiceAc+ount|InvalidOSS\.NotAuthorized)$/i;

/** Another run has just created or attached it. */
const THERE_ALREADY = /^EntityAlreadyExists/;

/** How long a new role takes to propagate is not documented; 5 s to 2 min were observed. */
const PROPAGATION = { code: ROLE_INCOMPLETE, patience: 180_000, first: 3_000, slowest: 15_000 };

/** What is missing before ECS can use the role. */
export type RoleGap = 'role' | 'policy';

/**
 * Finds out what this action has to add to the import role: the whole role, or the policy if the role has none.
 * @param refusal - the error of ImportImage
 * @returns undefined when the role is complete and only has to propagate
 * @throws CloudError `RoleTrustsNotEcs`, `RoleHasOwnPolicy` when the user has to change the role; the refusal itself when
 * the role is not the reason
 */
export async function findRoleGap(ram: Rpc, refusal: CloudError): Promise<RoleGap | undefined> {
  const trust = await trustPolicy(ram);
  if (trust === undefined) return 'role';
  if (!trustsEcs(trust)) {
    const text = `the trust policy of ${IMPORT_ROLE} lacks the statement ${JSON.stringify(TRUST_STATEMENT)}`;
    throw new CloudError('ram:GetRole', 'RoleTrustsNotEcs', text);
  }
  const policies = await policiesOf(ram);
  if (policies.length === 0) return 'policy';
  if (refusal.code !== 'InvalidOSS.NotAuthorized') return undefined;
  const own = policies.find(({ name }) => name === IMPORT_POLICY);
  // An earlier attempt may have attached it just now.
  if (own !== undefined && now() - own.attached < PROPAGATION.patience) return undefined;
  if (own !== undefined) throw refusal;
  const names = policies.map(({ name }) => name).join(', ');
  const text = `${IMPORT_ROLE} has a policy of its own (${names}), which needs ${JSON.stringify(READ_STATEMENT)}`;
  throw new CloudError('ram:ListPoliciesForRole', 'RoleHasOwnPolicy', text);
}

/** Creates the role that ECS uses to read the bucket, or attaches its policy. Idempotent. @throws CloudError */
export async function fillRoleGap(ram: Rpc, log: Log, gap: RoleGap): Promise<void> {
  if (gap === 'role') await createRole(ram, log);
  await attachPolicy(ram, log);
}

/** Repeats the call until ECS can use the role. @throws CloudError */
export function onceRolePropagates<T>(log: Log, call: () => Promise<T>): Promise<T> {
  log.info('Waiting until ECS can use the role, at most 3 minutes.');
  return callWhile(PROPAGATION, call);
}

async function createRole(ram: Rpc, log: Log): Promise<void> {
  const made = ram('CreateRole', {
    RoleName: IMPORT_ROLE,
    AssumeRolePolicyDocument: TRUST_POLICY,
    Description: 'ECS reads the disk images that it imports',
  });
  await succeeds(made, THERE_ALREADY);
  log.info(`Created the role ${IMPORT_ROLE}, which ECS uses to read the bucket.`);
}

/** Attaches the policy if the role exists and has none. Idempotent. */
export async function completeImportRole(ram: Rpc, log: Log): Promise<void> {
  if ((await trustPolicy(ram)) !== undefined && (await policiesOf(ram)).length === 0) await attachPolicy(ram, log);
}

const ROLE_ABSENT = /^EntityNotExist\.Role$/;

async function attachPolicy(ram: Rpc, log: Log): Promise<void> {
  const policy = { PolicyType: 'System', PolicyName: IMPORT_POLICY, RoleName: IMPORT_ROLE };
  // RAM may not find a role that was just created.
  await callWhile({ code: ROLE_ABSENT, patience: 30_000, first: 1_000, slowest: 5_000 }, () =>
    succeeds(ram('AttachPolicyToRole', policy), THERE_ALREADY),
  );
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

/** The policies of the role, each with the time when it was attached, in ms since 1970; NaN if that is unknown. */
async function policiesOf(ram: Rpc): Promise<{ name: string; attached: number }[]> {
  const answer = await ram('ListPoliciesForRole', { RoleName: IMPORT_ROLE });
  return listAt(answer, 'Policies', 'Policy').map((policy) => ({
    name: textAt(policy, 'PolicyName') ?? '',
    attached: Date.parse(textAt(policy, 'AttachDate') ?? ''),
  }));
}

function trustsEcs(document: string): boolean {
  return listAt(parsed(document), 'Statement').some((statement) => {
    const services = [textAt(statement, 'Principal', 'Service'), ...listAt(statement, 'Principal', 'Service')];
    return textAt(statement, 'Effect') === 'Allow' && services.includes(ECS);
  });
}
