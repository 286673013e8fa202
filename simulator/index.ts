import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { Clock } from './clock.ts';
import { settle } from './ecs/settle.ts';
import { Gateway, type Hook, type Spelling } from './gateway.ts';
import { OIDC_HOST } from './hosts.ts';
import { Proxy } from './proxy.ts';
import { DURATIONS, World, seed } from './world.ts';

export type * from './entities.ts';
export type { Answer, RecordedRequest } from './call.ts';
export type { Fault } from './faults.ts';
export type { Spelling } from './gateway.ts';
export { World, trusting, IMPORT_POLICY, IMPORT_ROLE } from './world.ts';
export { addSession } from './sts.ts';

export interface Options extends Partial<typeof DURATIONS> {
  /** How many times faster than the wall clock simulated time runs, and what it is at the start (ms since 1970). */
  speed?: number;
  origin?: number;
  /** `user:password` wanted in Proxy-Authorization. */
  proxyUser?: string;
}

export type Simulator = Awaited<ReturnType<typeof startSimulator>>;

/** OSS, ECS, RAM, STS, GitHub's token endpoint and the metadata service, behind one HTTPS proxy on this machine. */
export async function startSimulator(options: Options = {}) {
  const { speed = 1, origin = Date.now(), proxyUser } = options;
  const directory = mkdtempSync(join(tmpdir(), 'simulator-'));
  const world = new World(new Clock(origin, speed, join(directory, 'clock')), directory, { ...DURATIONS, ...options });
  const { account, admin } = seed(world);
  const certificates = await makeCertificates();
  const gateway = new Gateway(world);
  const server = new Proxy(gateway, certificates, proxyUser);
  const [user = '', password = ''] = proxyUser?.split(/:(.*)/s) ?? [];
  const login = user === '' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  const proxy = `http://${login}127.0.0.1:${await server.listen()}`;
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, certificates.ca);
  const ticking = setInterval(() => {
    settle(world);
  }, 20).unref();
  const { oidc, record, faults } = gateway;
  return {
    proxy,
    /** The certificate authority, PEM. */
    ca: certificates.ca,
    env: {
      ...world.clock.env,
      HTTPS_PROXY: proxy,
      HTTP_PROXY: proxy,
      NODE_EXTRA_CA_CERTS: caFile,
      ACTIONS_ID_TOKEN_REQUEST_URL: `https://${OIDC_HOST}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: oidc.requestToken,
    },
    /** What the seed made: an account, and its administrator with an access key. */
    account,
    admin,
    world,
    oidc,
    record,
    faults,
    set before(hook: Hook | undefined) {
      gateway.before = hook;
    },
    set after(hook: Hook | undefined) {
      gateway.after = hook;
    },
    set spelling(spelling: Spelling | undefined) {
      gateway.spelling = spelling;
    },
    secrets: () =>
      secrets(gateway, [password, encodeURIComponent(password), Buffer.from(proxyUser ?? '').toString('base64')]),
    now: () => world.clock.now(),
    close: async () => {
      clearInterval(ticking);
      await server.close();
      world.clock.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function secrets({ world, oidc }: Gateway, others: string[]): string[] {
  const keys = world.accounts.flatMap(({ users }) => users.map(({ secret }) => secret));
  const sessions = world.sessions.flatMap(({ secret, token }) => [secret, token]);
  return [...keys, ...sessions, oidc.requestToken, ...world.seen, ...others].filter((one) => one !== '');
}
