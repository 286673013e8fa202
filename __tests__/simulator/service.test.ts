import { request } from 'node:http';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, addSession, startSimulator, trusting } from '../../simulator/index.ts';
import { rpc as sign } from '../../simulator/signatures.ts';
import { agent, code, oss, rpc, until } from './clients.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ speed: 50, proxyUser: 'us@er:pa:ss' });
});
afterAll(() => simulator.close());

/** A plain https request through the proxy. */
function fetchText(
  url: string,
  options: https.RequestOptions = {},
  body = '',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = https.request(url, { agent: agent(simulator), ...options }, (answer) => {
      answer.setEncoding('utf8');
      let text = '';
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, text });
      });
      answer.on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

describe('credentials', () => {
  it('are identified', async () => {
    const identity = await rpc(simulator, 'sts')('GetCallerIdentity');
    expect(identity).toMatchObject({
      AccountId: simulator.account.id,
      IdentityType: 'RAMUser',
      UserId: simulator.admin.id,
    });
  });

  it('of a role session expire', async () => {
    const { world, account } = simulator;
    const role = world.addRole(account, 'uploader', trusting({ RAM: [`acs:ram::${account.id}:root`] }), [
      'AliyunOSSFullAccess',
    ]);
    const ask = { RoleArn: `acs:ram::${account.id}:role/uploader`, RoleSessionName: 'run' };
    expect(await code(rpc(simulator, 'sts')('AssumeRole', { ...ask, DurationSeconds: 60 }))).toBe(
      'InvalidParameter.DurationSeconds',
    );
    const { Credentials: made } = await rpc(simulator, 'sts')('AssumeRole', ask);
    const who = { accessKeyId: made.AccessKeyId, secret: made.AccessKeySecret, token: made.SecurityToken };
    await oss(simulator, {}, who).put('x', Buffer.from('x'));
    expect((await rpc(simulator, 'sts', who)('GetCallerIdentity')).RoleId).toBe(role.id);
    expect(await code(rpc(simulator, 'ecs', who)('DescribeImages'))).toBe('Forbidden.RAM');
    const short = addSession(world, account, role, 'short', 5);
    await until(() => simulator.now() > short.expires);
    expect(await code(rpc(simulator, 'ecs', short)('DescribeImages'))).toBe('InvalidSecurityToken.Expired');
    expect(await code(oss(simulator, {}, short).head('x'))).toBe('SecurityTokenExpired');
    expect(simulator.record.at(-1)?.code).toBe('SecurityTokenExpired');
    expect(simulator.secrets()).toEqual(
      expect.arrayContaining([made.SecurityToken, short.secret, 'pa:ss', simulator.admin.secret]),
    );
  });

  it('come from an OIDC token', async () => {
    const { world, account, env, oidc } = simulator;
    const arn = `acs:ram::${account.id}:oidc-provider/github`;
    const issuer = 'https://token.actions.githubusercontent.com';
    account.oidcProviders.push({ arn, issuer, audiences: ['sts.aliyuncs.com'] });
    const condition = {
      StringEquals: { 'oidc:aud': 'sts.aliyuncs.com' },
      StringLike: { 'oidc:sub': 'repo:octo-org/*' },
    };
    world.addRole(account, 'github', trusting({ Federated: [arn] }, condition));
    const headers = { authorization: `Bearer ${env.ACTIONS_ID_TOKEN_REQUEST_TOKEN}` };
    const { text } = await fetchText(`${env.ACTIONS_ID_TOKEN_REQUEST_URL}&audience=sts.aliyuncs.com`, {
      headers,
    });
    const assume = async (OIDCToken: string) => {
      const params = {
        Action: 'AssumeRoleWithOIDC',
        Format: 'JSON',
        Version: '2015-04-01',
        RoleSessionName: 'run',
        OIDCToken,
      };
      const body = new URLSearchParams({
        ...params,
        OIDCProviderArn: arn,
        RoleArn: `acs:ram::${account.id}:role/github`,
      });
      const answer = await fetchText('https://sts.aliyuncs.com/', { method: 'POST' }, String(body));
      return JSON.parse(answer.text) as { Code?: string; Credentials?: { SecurityToken: string } };
    };
    const { value } = JSON.parse(text) as { value: string };
    expect((await assume(value)).Credentials?.SecurityToken).toMatch(/^CAIS/);
    expect((await assume(`${value.slice(0, -8)}AAAAAAAA`)).Code).toBe('AuthenticationFail.OIDCToken.InvalidSignature');
    expect((await assume(oidc.sign({ aud: 'other' }))).Code).toBe('AuthenticationFail.OIDCToken.AudienceNotMatch');
    expect((await assume(oidc.sign({ aud: 'sts.aliyuncs.com', exp: 1 }))).Code).toBe(
      'AuthenticationFail.OIDCToken.Expired',
    );
    expect((await assume(oidc.sign({ aud: 'sts.aliyuncs.com', sub: 'repo:evil/x' }))).Code).toBe(
      'AuthenticationFail.NoPermission',
    );
  });

  it('are not accepted twice, late, or in a URL', async () => {
    const base = {
      Action: 'GetCallerIdentity',
      Format: 'JSON',
      Version: '2015-04-01',
      AccessKeyId: simulator.admin.accessKeyId,
    };
    const call = async (method: string, some: Record<string, string>) => {
      const time = new Date(simulator.now()).toISOString().replace(/\.\d+/, '');
      const params = { ...base, SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0', Timestamp: time, ...some };
      const { signature } = sign(method, params, simulator.admin.secret);
      const text = String(new URLSearchParams({ ...params, Signature: signature }));
      const answer =
        method === 'GET'
          ? await fetchText(`https://sts.aliyuncs.com/?${text}`)
          : await fetchText('https://sts.aliyuncs.com/', { method }, text);
      return (JSON.parse(answer.text) as { Code?: string }).Code;
    };
    expect(await call('POST', { SignatureNonce: 'a' })).toBeUndefined();
    expect(await call('POST', { SignatureNonce: 'a' })).toBe('SignatureNonceUsed');
    expect(await call('POST', { SignatureNonce: 'b', Timestamp: '2020-01-01T00:00:00Z' })).toBe(
      'InvalidTimeStamp.Expired',
    );
    expect(await call('POST', {})).toBe('MissingParameter');
    expect(await call('GET', { SignatureNonce: 'c' })).toBeUndefined();
    expect(simulator.record.at(-1)?.violation).toBe('secret in URL');
    const wrong = rpc(simulator, 'sts', { ...simulator.admin, secret: 'wrong' })('GetCallerIdentity');
    await expect(wrong).rejects.toThrow('server string to sign is:POST&%2F&AccessKeyId%3D');
  });
});

describe('the proxy', () => {
  it('requires its password, known hosts and https', async () => {
    const strange = new https.Agent({
      ca: simulator.ca,
      proxyEnv: { HTTPS_PROXY: simulator.proxy.replace(/\/\/.*@/, '//') },
    });
    expect(await code(fetchText('https://ram.aliyuncs.com/', { agent: strange }))).toBe('ERR_PROXY_TUNNEL');
    expect(await code(fetchText('https://example.com/'))).toBe('ERR_PROXY_TUNNEL');
    expect(simulator.record.at(-1)).toMatchObject({ host: 'example.com', violation: 'unknown host' });
    const { status } = await plain('http://ecs.aliyuncs.com/', 'GET');
    expect(status).toBe(403);
    expect(simulator.record.at(-1)?.violation).toBe('plain http');
  });

  it('reaches the metadata service of an instance', async () => {
    const { world, account } = simulator;
    const url = 'http://100.100.100.200/latest/';
    expect((await plain(`${url}api/token`, 'PUT')).status).toBe(502);
    world.addRole(account, 'instance', trusting({ Service: ['ecs.aliyuncs.com'] }), ['AliyunOSSFullAccess']);
    world.instance = { account, region: 'cn-beijing', role: 'instance' };
    const { text: token } = await plain(`${url}api/token`, 'PUT', { 'x-aliyun-ecs-metadata-token-ttl-seconds': '60' });
    expect((await plain(`${url}meta-data/region-id`, 'GET')).status).toBe(403);
    const known = { 'x-aliyun-ecs-metadata-token': token };
    expect((await plain(`${url}meta-data/region-id`, 'GET', known)).text).toBe('cn-beijing');
    const keys = await plain(`${url}meta-data/ram/security-credentials/instance`, 'GET', known);
    expect(JSON.parse(keys.text)).toMatchObject({ Code: 'Success' });
  });
});

/** A plain HTTP request through the proxy, with an absolute URL. */
function plain(
  url: string,
  method: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const { port } = new URL(simulator.proxy);
  const login = `Basic ${Buffer.from('us@er:pa:ss').toString('base64')}`;
  const { host } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ port, path: url, method, headers: { host, 'proxy-authorization': login, ...headers } }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, text });
      });
    })
      .on('error', reject)
      .end();
  });
}
