import type { RpcCall } from './call.ts';
import type { RpcHandlers } from './table.ts';
import { isoSeconds } from './clock.ts';
import type { Policy, Role } from './entities.ts';
import { fail } from './errors.ts';
import { parseTrust } from './policies.ts';
import { shape } from './shape.ts';

export const RAM: RpcHandlers = {
  GetRole: (call) => ({ Role: describe(call, findRole(call)) }),
  CreateRole: createRole,
  AttachPolicyToRole: (call) => {
    const role = findRole(call);
    const { name, type } = findPolicy(call);
    if (role.policies.some((one) => one.name === name && one.type === type)) fail('EntityAlreadyExists.Role.Policy');
    role.policies.push({ type, name, at: call.now });
    return {};
  },
  ListPoliciesForRole: (call) => ({
    Policies: {
      Policy: findRole(call).policies.map((policy) => ({
        ...shape('PolicyName=name PolicyType=type', policy),
        AttachDate: isoSeconds(policy.at),
      })),
    },
  }),
  GetPolicy: (call) => {
    const policy = findPolicy(call);
    const document = JSON.stringify({ Version: '1', Statement: policy.statements });
    return {
      Policy: shape('PolicyName=name PolicyType=type DefaultVersion:v1', policy),
      DefaultPolicyVersion: { VersionId: 'v1', IsDefaultVersion: true, PolicyDocument: document },
    };
  },
};

function findRole(call: RpcCall): Role {
  const name = call.params.RoleName ?? '';
  return call.world.role(call.account, name) ?? fail('EntityNotExist.Role', `The role not exists: ${name}.`);
}

function findPolicy(call: RpcCall): Policy {
  const { PolicyName: name = '', PolicyType: type } = call.params;
  const policy = call.world.policy(call.account, name);
  return policy?.type === type && policy ? policy : fail('EntityNotExist.Policy', `The policy not exists: ${name}.`);
}

function checkTrust(text: string): void {
  try {
    if (parseTrust(text).every(({ Effect, Action }) => Effect && Action)) return;
  } catch {
    // The refusal is below.
  }
  fail('MalformedPolicyDocument', 'The policy document is not well-formed.');
}

function createRole(call: RpcCall): object {
  const { RoleName: name = '', AssumeRolePolicyDocument: trust = '', Description: description = '' } = call.params;
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(name)) fail('InvalidParameter.RoleName');
  checkTrust(trust);
  if (call.world.role(call.account, name)) fail('EntityAlreadyExists.Role');
  const role = call.world.addRole(call.account, name, trust);
  Object.assign(role, { description, created: call.now });
  return { Role: describe(call, role) };
}

function describe(call: RpcCall, role: Role): object {
  const words =
    'RoleId=id RoleName=name Description=description AssumeRolePolicyDocument=trust MaxSessionDuration=maxSession';
  return {
    ...shape(words, role),
    Arn: `acs:ram::${call.account.id}:role/${role.name.toLowerCase()}`,
    CreateDate: isoSeconds(role.created),
  };
}
