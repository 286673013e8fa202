import type { Credentials, Connection } from '../cloud/connection.ts';
import { CloudError, hasCode, textOf } from '../cloud/errors.ts';
import { parsed, textAt } from '../cloud/json.ts';
import { retry } from '../cloud/retry.ts';
import type { Rpc } from '../cloud/rpc.ts';
import { toCredentials } from './refreshing.ts';
import type { Source } from './source.ts';

/** Requests an identity token for an audience from the runner. */
export type IdToken = (audience: string) => Promise<string>;

/**
 * Exchanges the identity of this workflow job for a session of a role.
 * https://help.aliyun.com/document_detail/371868.html
 * @param sts - sends unsigned requests: the token proves the identity
 * @throws CloudError `MissingIdTokenPermission`, `IdTokenRefused`, or the error of STS with the claims of the token
 */
export async function assumeWithOidc(
  sts: Rpc,
  role: Source & { kind: 'oidc' },
  idToken: IdToken,
  { log, deadline }: Pick<Connection, 'log' | 'deadline'>,
): Promise<Credentials> {
  const options = { operation: 'github:getIDToken', log, deadline, heal: (how: string) => how === 'again' };
  const token = await retry(() => askRunner(idToken, role.audience), options);
  try {
    const answer = await sts('AssumeRoleWithOIDC', {
      RoleArn: role.roleArn,
      OIDCProviderArn: role.providerArn,
      OIDCToken: token,
      RoleSessionName: role.sessionName,
    });
    return toCredentials('sts:AssumeRoleWithOIDC', answer.Credentials);
  } catch (error) {
    if (!hasCode(error, /^(AuthenticationFail|EntityNotExist\.OIDCProvider)/)) throw error;
    throw error.reworded(`${error.message} (${claims(token)})`);
  }
}

/** What the texts of @actions/core and its http client mean. */
const ID_TOKEN_ERRORS: [RegExp, string][] = [
  [/Unable to get ACTIONS_ID_TOKEN/, 'MissingIdTokenPermission'],
  [/tunneling socket/, 'ERR_PROXY_TUNNEL'],
  [/Error Code : 4\d\d\b/, 'IdTokenRefused'],
];

async function askRunner(idToken: IdToken, audience: string): Promise<string> {
  try {
    return await idToken(audience);
  } catch (error) {
    const text = textOf(error);
    const [, code = 'ConnectionLost'] = ID_TOKEN_ERRORS.find(([pattern]) => pattern.test(text)) ?? [];
    throw new CloudError('github:getIDToken', code, text.replace(/^Error message: /, ''));
  }
}

/** The claims of a token that a trust policy checks; none of them is secret. */
function claims(token: string): string {
  const payload = parsed(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return `the token says ${['iss', 'aud', 'sub'].map((name) => `${name} ${textAt(payload, name) ?? 'nothing'}`).join(', ')}`;
}

/** Assumes a role with other credentials. https://help.aliyun.com/document_detail/371864.html */
export async function assume(sts: Rpc, role: Source & { kind: 'assume' }): Promise<Credentials> {
  try {
    const { roleArn, externalId, sessionName } = role;
    const answer = await sts('AssumeRole', { RoleArn: roleArn, RoleSessionName: sessionName, ExternalId: externalId });
    return toCredentials('sts:AssumeRole', answer.Credentials);
  } catch (error) {
    if (!hasCode(error, 'NoPermission')) throw error;
    // A code of its own: the missing permission is to assume the role, not to do what the session is for.
    throw error.reworded(`${role.roleArn}: ${error.message}`, 'AssumeRoleDenied');
  }
}
