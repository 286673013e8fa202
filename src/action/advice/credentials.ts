import type { Advice } from './entry.ts';

/** Credentials and permissions. */
export const CREDENTIALS: Advice[] = [
  {
    codes: ['InvalidAccessKeyId.NotFound', 'InvalidAccessKeyId.Inactive', 'InvalidAccessKeyId'],
    cause: 'The access key does not exist or is disabled.',
    fix: 'Check access_key. You can enable a disabled key under RAM > Users.',
  },
  {
    codes: ['SignatureDoesNotMatch', 'IncompleteSignature'],
    cause: 'secret_key does not belong to access_key.',
    fix: 'Copy both again, without spaces or line breaks.',
  },
  {
    codes: ['InvalidSecurityToken.Expired', 'SecurityTokenExpired'],
    cause: 'The temporary credentials have expired, and the action cannot renew them.',
    fix: 'Request a longer session (role-session-expiration of the credentials action), or set ram_role_arn and oidc_provider_arn: the action then renews the session as needed.',
  },
  {
    codes: ['InvalidSecurityToken', 'InvalidSecurityToken.Malformed', 'InvalidSecurityToken.MismatchWithAccessKey'],
    cause: 'The key and the token do not belong together.',
    fix: 'Pass access_key, secret_key and security_token of the same session. With a permanent key, leave security_token empty and unset ALICLOUD_SECURITY_TOKEN and SECURITY_TOKEN.',
  },
  {
    codes: ['BadProfile'],
    cause: 'The profile or its file cannot be used. The message gives the reason.',
    fix: 'Correct profile or shared_credentials_file, or run aliyun configure on the runner again.',
  },
  {
    codes: ['Forbidden.RAM', 'Forbidden.SubUser', 'Forbidden', 'NoPermission', 'AccessDenied'],
    cause: 'The RAM user or role lacks a permission.',
    fix: 'Allow it for the RAM user or role. docs/permissions.md of this action has the policies.',
  },
  {
    codes: ['Account.Arrearage', 'InDebt'],
    cause: 'The account has an unpaid bill.',
    fix: 'Pay it in the Billing console and run again.',
  },
  {
    codes: ['MissingIdTokenPermission'],
    cause: 'The job has no permission to request an identity token from GitHub.',
    fix: 'Add to the job: permissions: { id-token: write, contents: read }. A pull request from a fork never gets a token.',
  },
  { codes: ['IdTokenRefused'], cause: 'GitHub refused to issue an identity token.', fix: 'Run the job again.' },
  {
    codes: ['AuthenticationFail.NoPermission'],
    cause: "The role's trust policy does not allow this job, or it names another OIDC provider.",
    fix: 'Compare the conditions oidc:iss, oidc:aud and oidc:sub of the trust policy with the claims in this message, and check ram_role_arn and oidc_provider_arn.',
  },
  {
    codes: ['AuthenticationFail.OIDCToken.AudienceNotMatch'],
    cause: 'The OIDC provider does not accept the audience of the token (aud in this message).',
    fix: 'Add it to the client IDs of the OIDC provider in RAM, or set oidc_audience to one of them.',
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
    fix: "Allow the caller sts:AssumeRole on the role, and add the caller's account to the role's trust policy.",
  },
  {
    codes: ['NoMetadataService'],
    cause:
      'The metadata service of ECS (100.100.100.200) gave no credentials: the runner is not an ECS instance, or the instance has no RAM role.',
    fix: 'Attach a RAM role to the instance, or use another source of credentials.',
  },
  {
    codes: ['NoSuchInstanceRole'],
    cause: 'The ECS instance of the runner has a different RAM role, or none.',
    fix: 'Attach the role to the instance, or correct ram_role_name.',
  },
];
