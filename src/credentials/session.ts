import type { Credentials } from '../cloud/door.ts';
import { CloudError, textOf } from '../cloud/errors.ts';
import { textAt } from '../cloud/json.ts';
import type { Json, Rpc } from '../cloud/rpc.ts';

/** Audience that Alibaba Cloud's documentation has GitHub's provider accept. */
export const AUDIENCE = 'sts.aliyuncs.com';

/**
 * Asks for a session of a role in the name of this workflow job.
 * https://help.aliyun.com/document_detail/371868.html
 * @param sts - unsigned: the token is what proves who we are
 * @param idToken - gives a fresh token of the runner for an audience
 * @throws CloudError `MissingIdTokenPermission`, or what STS says
 */
export async function assumeWithOidc(
  sts: Rpc,
  role: { roleArn: string; providerArn: string; sessionName: string },
  idToken: (audience: string) => Promise<string>,
): Promise<Credentials> {
  const token = await idToken(AUDIENCE).catch((error: unknown) => {
    throw new CloudError('github:getIDToken', 'MissingIdTokenPermission', textOf(error));
  });
  const answer = await sts('AssumeRoleWithOIDC', {
    RoleArn: role.roleArn,
    OIDCProviderArn: role.providerArn,
    OIDCToken: token,
    RoleSessionName: role.sessionName,
  });
  return toCredentials('sts:AssumeRoleWithOIDC', answer);
}

/** Asks for a session of a role with other credentials. https://help.aliyun.com/document_detail/371864.html */
export async function assume(sts: Rpc, role: { roleArn: string; sessionName: string }): Promise<Credentials> {
  const answer = await sts('AssumeRole', { RoleArn: role.roleArn, RoleSessionName: role.sessionName });
  return toCredentials('sts:AssumeRole', answer);
}

function toCredentials(operation: string, answer: Json): Credentials {
  const text = (name: string): string => {
    const value = textAt(answer, 'Credentials', name);
    if (value === undefined) throw new CloudError(operation, 'UnexpectedAnswer', `the answer has no ${name}`);
    return value;
  };
  return {
    accessKeyId: text('AccessKeyId'),
    accessKeySecret: text('AccessKeySecret'),
    securityToken: text('SecurityToken'),
    expiration: Date.parse(text('Expiration')),
  };
}
