import { request } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Simulator } from '../../simulator/index.ts';
import type { StageResult } from '../../runner/job.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

const HOSTS = [
  'token.actions.githubusercontent.com',
  'sts.aliyuncs.com',
  'ecs.cn-beijing.aliyuncs.com',
  'oss-cn-beijing.aliyuncs.com',
  'packer.oss-cn-beijing.aliyuncs.com',
];
const PASSWORD = 'p@ss:w/rd%';
const DEAD = 'http://127.0.0.1:9';

/** How the proxy is set for a job, and which hosts the job has to reach without it. */
const SETTINGS: Record<string, { env: (proxy: string) => Record<string, string>; direct: (host: string) => boolean }> =
  {
    'upper case': { env: (proxy) => ({ HTTPS_PROXY: proxy }), direct: () => false },
    'lower case, which wins': { env: (proxy) => ({ https_proxy: proxy, HTTPS_PROXY: DEAD }), direct: () => false },
    'NO_PROXY for everything': { env: () => ({ HTTPS_PROXY: DEAD, NO_PROXY: '*' }), direct: () => true },
    'no_proxy for domains': {
      env: () => ({
        HTTPS_PROXY: DEAD,
        no_proxy: 'localhost, aliyuncs.com,githubusercontent.com',
        NO_PROXY: 'nothing',
      }),
      direct: () => true,
    },
    'NO_PROXY for one host and one domain': {
      env: (proxy) => ({ HTTPS_PROXY: proxy, NO_PROXY: 'sts.aliyuncs.com,.oss-cn-beijing.aliyuncs.com' }),
      direct: (host) => host.startsWith('sts.') || host.startsWith('packer.'),
    },
  };

let crowd: Crowd;
let routes: Record<string, number>;
const servers: Server[] = [];
/** Direct connections, by job and host. */
const direct = new Map<string, string[]>();
const ended = new Map<string, StageResult>();

beforeAll(async () => {
  crowd = await openCrowd({ speed: 40, proxyUser: `us@er:${PASSWORD}` });
  const limit = pLimit(3);
  const runs = Object.entries(SETTINGS).map(([name, { env }], n) =>
    limit(async () => {
      const reached: string[] = [];
      direct.set(name, reached);
      routes = Object.fromEntries(await Promise.all(HOSTS.map((host) => tunnel(crowd.simulator, host, reached))));
      const given = { HTTPS_PROXY: '', HTTP_PROXY: '', ROUTES: JSON.stringify(routes), ...env(crowd.simulator.proxy) };
      ended.set(name, await crowd.job(given).main({ ...oidc(), image_name: `proxy-${n}` }));
    }),
  );
  await Promise.all(runs);
}, 120_000);
afterAll(async () => {
  for (const server of servers) server.close();
  await crowd.close();
});

const oidc = () => ({ ram_role_arn: crowd.roleArn, oidc_provider_arn: crowd.providerArn });

/** A port on this machine that stands for `host`, port 443, and records connections. */
async function tunnel({ proxy }: Simulator, host: string, reached: string[]): Promise<[string, number]> {
  const { hostname, port, username, password } = new URL(proxy);
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const headers = { 'proxy-authorization': `Basic ${login}` };
  const server = createServer((client) => {
    client.on('error', () => undefined);
    reached.push(host);
    const asked = request({ hostname, port, method: 'CONNECT', path: `${host}:443`, headers });
    asked.on('connect', (_, socket: Socket) => {
      // When one end closes, the other is closed too.
      pipeline(client, socket, () => client.destroy());
      pipeline(socket, client, () => socket.destroy());
    });
    asked.on('error', () => client.destroy()).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [host, (server.address() as AddressInfo).port];
}

describe.each(Object.keys(SETTINGS))('%s', (name) => {
  test('every client goes where it should', () => {
    const main = ended.get(name);
    expect(main?.log).not.toContain('##[error]');
    expect(main?.conclusion).toBe('success');
    const expected = HOSTS.filter((host) => SETTINGS[name]?.direct(host));
    const reached = new Set(direct.get(name));
    expect([...reached].sort()).toEqual(
      expected.filter((host) => reached.has(host) || host !== 'oss-cn-beijing.aliyuncs.com').sort(),
    );
  });

  test('the password is nowhere', () => {
    const { raw = '', files = {}, state, outputs } = ended.get(name) ?? {};
    const shown = raw.replace(/^::add-mask::.*$/gm, '') + JSON.stringify({ files, state, outputs });
    const forms = [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(`us@er:${PASSWORD}`).toString('base64')];
    expect(forms.filter((form) => shown.includes(form))).toEqual([]);
  });
});

test('no request reached the proxy without its password', () => {
  expect(crowd.simulator.record.filter(({ violation }) => violation)).toEqual([]);
});

test.each([
  ['without scheme', 'proxy:3128'],
  ['of another kind', 'socks5://proxy:1080'],
  ['with a broken escape', 'http://user:hidden%zz@proxy:3128'],
])('a proxy %s is an error, not passed by', async (_, proxy) => {
  const seen = crowd.simulator.record.length;
  const main = await crowd.job({ HTTPS_PROXY: '', https_proxy: proxy }).main(oidc());
  expect(main.log).toMatch(
    /##\[error\].*InvalidProxy: https_proxy is not of the form http:\/\/\[user:password@\]host:port/,
  );
  expect(main.log).not.toContain('hidden');
  expect(crowd.simulator.record.length).toBe(seen);
});

test.each([
  ['an identity token', oidc],
  ['an access key', () => ({ access_key: 'LTAI5tTheKeyOfNobody', secret_key: 'TheSecretOfNobody' })],
])('a wrong proxy password is reported at once, and not shown: with %s', async (_, inputs) => {
  const { port } = new URL(crowd.simulator.proxy);
  const main = await crowd.job({ HTTPS_PROXY: `http://us%40er:mistyped@127.0.0.1:${port}` }).main(inputs());
  expect(main.log.match(/##\[error\]/g)).toHaveLength(1);
  expect(main.log).toMatch(/##\[error\].*ERR_PROXY_TUNNEL.*407.*HTTPS_PROXY/);
  expect(main.log).not.toContain('(try 1)');
  expect(main.raw.replace(/^::add-mask::.*$/gm, '')).not.toContain('mistyped');
});
