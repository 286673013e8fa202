import { type KeyObject, createSign, createVerify, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Answer, Prepared } from './call.ts';
import { fail } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { OIDC_HOST } from './hosts.ts';
import type { World } from './world.ts';

interface Claims {
  iss: string;
  aud: string;
  sub: string;
  exp: number;
}
/** How long GitHub's tokens live is not documented; five minutes have been seen. */
const LIFE_SECONDS = 300;

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The issuer of ID tokens in GitHub Actions: https://docs.github.com/en/actions/reference/security/oidc */
export class Oidc {
  readonly requestToken = randomBytes(24).toString('hex');
  subject = 'repo:octo-org/octo-repo:ref:refs/heads/main';
  readonly #world: World;
  #keys: { publicKey: KeyObject; privateKey: KeyObject } | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get keys() {
    return (this.#keys ??= generateKeyPairSync('rsa', { modulusLength: 2048 }));
  }

  prepare(exchange: Exchange): Prepared {
    const { record, request } = exchange;
    const url = new URL(request.url ?? '/', `https://${OIDC_HOST}`);
    record.query = Object.fromEntries(url.searchParams);
    const run = (): Answer => {
      const known = record.headers.authorization === `Bearer ${this.requestToken}`;
      if (!known || record.method !== 'GET') return { status: 401, body: 'Unauthorized' };
      const value = this.sign({ aud: url.searchParams.get('audience') ?? 'https://github.com/octo-org' });
      return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ value }) };
    };
    return { operation: 'oidc:GetIdToken', run };
  }

  sign(some: Partial<Claims>): string {
    const now = Math.floor(this.#world.clock.now() / 1000);
    const claims = {
      iss: `https://${OIDC_HOST}`,
      sub: this.subject,
      iat: now,
      nbf: now,
      exp: now + LIFE_SECONDS,
      ...some,
    };
    const text = `${base64url({ alg: 'RS256', typ: 'JWT', kid: 'simulator' })}.${base64url(claims)}`;
    const token = `${text}.${createSign('RSA-SHA256').update(text).sign(this.keys.privateKey, 'base64url')}`;
    this.#world.seen.add(token);
    return token;
  }

  /** What STS checks: https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc */
  verify(token: string, issuer: string, audiences: string[]): Claims {
    const [header = '', payload = '', signature = ''] = token.split('.');
    let claims: Claims;
    try {
      claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
    } catch {
      fail('AuthenticationFail.OIDCToken.Invalid');
    }
    const verifier = createVerify('RSA-SHA256').update(`${header}.${payload}`);
    if (!verifier.verify(this.keys.publicKey, signature, 'base64url'))
      fail('AuthenticationFail.OIDCToken.InvalidSignature');
    if (claims.iss !== issuer) fail('AuthenticationFail.OIDCToken.Invalid');
    if (!audiences.includes(claims.aud)) fail('AuthenticationFail.OIDCToken.AudienceNotMatch');
    if (claims.exp * 1000 <= this.#world.clock.now()) fail('AuthenticationFail.OIDCToken.Expired');
    return claims;
  }
}
