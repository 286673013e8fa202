import type { Advice } from './entry.ts';

/** Who runs the action, and what they may do. */
export const CREDENTIALS: Advice[] = [
  {
    codes: ['InvalidAccessKeyId.NotFound', 'InvalidAccessKeyId.Inactive', 'InvalidAccessKeyId'],
    cause: 'The access key does not exist or is disabled.',
    fix: 'Check access_key; a disabled key can be enabled again under RAM > Users.',
  },
  {
    codes: ['SignatureDoesNotMatch', 'IncompleteSignature'],
    cause: 'secret_key does not belong to access_key.',
    fix: 'Copy both again; look for a space or line break that came with them.',
  },
  {
    codes: ['InvalidSecurityToken.Expired', 'SecurityTokenExpired'],
    cause: 'The temporary credentials have expired, and from here they cannot be renewed.',
    fix: 'Ask for new ones with a longer session (role-session-expiration of the credentials action), or set ram_role_arn and oidc_provider_arn: that session is renewed as long as needed.',
  },
  {
    codes: ['InvalidSecurityToken', 'InvalidSecurityToken.Malformed', 'InvalidSecurityToken.MismatchWithAccessKey'],
    cause: 'Key and token do not belong together.',
    fix: 'Pass access_key, secret_key and security_token of one session; with a key that is not temporary leave security_token empty and unset ALICLOUD_SECURITY_TOKEN and SECURITY_TOKEN.',
  },
  {
    codes: ['BadProfile'],
    cause: 'The profile or its file cannot be used; the message says why.',
    fix: 'Correct profile or shared_credentials_file, or run aliyun configure again on the runner.',
  },
  {
    codes: ['Forbidden.RAM', 'Forbidden.SubUser', 'Forbidden', 'NoPermission', 'AccessDenied'],
    cause: 'The RAM user or role lacks a right.',
    fix: 'Give it the RAM action that the message names; docs/permissions.md has the policies.',
  },
  {
    codes: ['Account.Arrearage', 'InDebt'],
    cause: 'The account has an unpaid bill.',
    fix: 'Pay it in the Billing console and run again.',
  },
  {
    codes: ['MissingIdTokenPermission'],
    cause: 'The job has no permission to request an identity token from GitHub.',
    fix: 'Add to the job: permissions: { id-token: write, contents: read }. A pull request from a fork never gets one.',
  },
  { codes: ['IdTokenRefused'], cause: 'GitHub refused an identity token.', fix: 'Run the job again.' },
  {
    codes: ['AuthenticationFail.NoPermission'],
    cause: "The role's trust policy does not allow this job, or it names another OIDC provider.",
    fix: "Compare the trust policy's conditions oidc:iss, oidc:aud and oidc:sub with what the token says, and check ram_role_arn and oidc_provider_arn.",
  },
  {
    codes: ['AuthenticationFail.OIDCToken.AudienceNotMatch'],
    cause: 'The OIDC provider does not accept the audience of the token (aud in this message).',
    fix: 'Add it to the client ids of the OIDC provider in RAM, or set oidc_audience to one of them.',
  },
  {
    codes: [
      'AuthenticationFail.OIDCToken.Expired',
      'AuthenticationFail.OIDCToken.Invalid',
      'AuthenticationFail.OIDCToken.InvalidSignature',
      'AuthenticationFail.OIDCToken.IssuerNotMatch',
      'EntityNotExist.OIDCProvider',
    ],
    cause: 'The OIDC provider in RAM does not accept the token of this job.',
    fix: 'The issuer of the provider must be the iss in this message: GitHub Enterprise Server and ghe.com have issuers of their own. Check oidc_provider_arn.',
  },
  {
    codes: ['AssumeRoleDenied'],
    cause: 'These credentials have no permission to assume the role.',
    fix: "Allow the caller sts:AssumeRole on it, and name the caller's account in the role's trust policy.",
  },
  {
    codes: ['NoMetadataService'],
    cause:
      'The runner gets no credentials from the metadata service of ECS (100.100.100.200): it is not an ECS instance, or has no RAM role.',
    fix: 'Attach a RAM role to the instance, or name another source of credentials.',
  },
  {
    codes: ['NoSuchInstanceRole'],
    cause: 'The ECS instance of the runner has another RAM role, or none.',
    fix: 'Attach the role to the instance, or correct ram_role_name.',
  },
];
