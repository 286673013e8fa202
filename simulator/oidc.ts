import { createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import type { Answer, Prepared } from './call.ts';
import { fail } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { OIDC_HOST } from './hosts.ts';
import type { World } from './world.ts';

export interface Claims {
  iss: string;
  aud: string;
  sub: string;
  exp: number;
}
/** GitHub does not document how long its tokens live; five minutes have been observed. */
const LIFE_SECONDS = 300;

/** One key pair for the process, because generating it is slow. */
let keyPair: ReturnType<typeof generateKeys> | undefined;
const generateKeys = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const keys = () => (keyPair ??= generateKeys());

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The endpoint for ID tokens in GitHub Actions: https://docs.github.com/en/actions/reference/security/oidc */
export function prepareOidc({ record, request }: Exchange, world: World): Prepared {
  const url = new URL(request.url ?? '/', `https://${OIDC_HOST}`);
  record.query = Object.fromEntries(url.searchParams);
  const run = (): Answer => {
    const isJob = record.headers.authorization === `Bearer ${world.oidc.requestToken}`;
    if (!isJob || record.method !== 'GET') return { status: 401, body: 'Unauthorized' };
    const value = signIdToken(world, { aud: url.searchParams.get('audience') ?? 'https://github.com/octo-org' });
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ value }) };
  };
  return { operation: 'oidc:GetIdToken', run };
}

export function signIdToken(world: World, some: Partial<Claims>): string {
  const now = Math.floor(world.clock.now() / 1000);
  const usual = { iss: `https://${OIDC_HOST}`, sub: world.oidc.subject, iat: now, nbf: now, exp: now + LIFE_SECONDS };
  const text = `${base64url({ alg: 'RS256', typ: 'JWT', kid: 'simulator' })}.${base64url({ ...usual, ...some })}`;
  const token = `${text}.${createSign('RSA-SHA256').update(text).sign(keys().privateKey, 'base64url')}`;
  world.seen.add(token);
  return token;
}

/**
 * Checks a token as STS does:
 * https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc
 */
export function verifyIdToken(world: World, token: string, issuer: string, audiences: string[]): Claims {
  const [header = '', payload = '', signature = ''] = token.split('.');
  let claims: Claims;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  } catch {
    fail('AuthenticationFail.OIDCToken.Invalid');
  }
  const verifier = createVerify('RSA-SHA256').update(`${header}.${payload}`);
  if (!verifier.verify(keys().publicKey, signature, 'base64url')) fail('AuthenticationFail.OIDCToken.InvalidSignature');
  if (claims.iss !== issuer) fail('AuthenticationFail.OIDCToken.Invalid');
  if (!audiences.includes(claims.aud)) fail('AuthenticationFail.OIDCToken.AudienceNotMatch');
  if (claims.exp * 1000 <= world.clock.now()) fail('AuthenticationFail.OIDCToken.Expired');
  return claims;
}
