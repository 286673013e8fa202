import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from './certificates.ts';
import { Clock } from './clock.ts';
import { settle } from './ecs/settle.ts';
import { Gateway } from './gateway.ts';
import { OIDC_HOST } from './hosts.ts';
import { type Claims, signIdToken } from './oidc.ts';
import { openProxy } from './proxy.ts';
import { DURATIONS, World } from './world.ts';

export type * from './entities.ts';
export type { Answer, RecordedRequest } from './call.ts';
export type { Fault } from './faults.ts';
export type { Spelling } from './gateway.ts';
export { World, trusting, IMPORT_POLICY, IMPORT_ROLE } from './world.ts';
export { addSession } from './sts.ts';

export interface Options extends Partial<typeof DURATIONS> {
  /** How many times faster than the wall clock simulated time runs, and when it starts (ms since 1970). */
  speed?: number;
  origin?: number;
  /** The `user:password` that the proxy requires. */
  proxyUser?: string;
}

export type Simulator = Awaited<ReturnType<typeof startSimulator>>;

/** Starts OSS, ECS, RAM, STS, GitHub's token endpoint and the metadata service behind one HTTPS proxy on this machine. */
export async function startSimulator(options: Options = {}) {
  const { speed = 1, origin = Date.now(), proxyUser } = options;
  const directory = mkdtempSync(join(tmpdir(), 'simulator-'));
  const world = new World(new Clock(origin, speed, join(directory, 'clock')), directory, { ...DURATIONS, ...options });
  const account = world.addAccount();
  const admin = world.addUser(account, 'admin');
  world.addImportRole(account);
  world.addBucket(account, 'packer');
  const certificates = await makeCertificates();
  const gateway = new Gateway(world);
  const server = await openProxy(gateway, certificates, proxyUser);
  const [user = '', password = ''] = proxyUser?.split(/:(.*)/s) ?? [];
  const login = user === '' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  const proxy = `http://${login}127.0.0.1:${server.port}`;
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, certificates.ca);
  const ticking = setInterval(() => {
    settle(world);
  }, 20).unref();
  return Object.assign(gateway, {
    proxy,
    /** The certificate authority, PEM. */
    ca: certificates.ca,
    env: {
      ...world.clock.env,
      HTTPS_PROXY: proxy,
      HTTP_PROXY: proxy,
      NODE_EXTRA_CA_CERTS: caFile,
      ACTIONS_ID_TOKEN_REQUEST_URL: `https://${OIDC_HOST}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: world.oidc.requestToken,
    },
    /** An account with an import role and the bucket `packer` in cn-beijing, and its administrator. */
    account,
    admin,
    /** GitHub's issuer of ID tokens. */
    oidc: {
      sign: (some: Partial<Claims>) => signIdToken(world, some),
      set subject(subject: string) {
        world.oidc.subject = subject;
      },
    },
    /** Everything that must not be printed. */
    secrets: () =>
      secrets(world, [password, encodeURIComponent(password), Buffer.from(proxyUser ?? '').toString('base64')]),
    bytesRead: server.bytesRead,
    now: () => world.clock.now(),
    close: async () => {
      clearInterval(ticking);
      await server.close();
      world.clock.close();
      rmSync(directory, { recursive: true, force: true });
    },
  });
}

function secrets(world: World, others: string[]): string[] {
  const keys = world.accounts.flatMap(({ users }) => users.map(({ secret }) => secret));
  const sessions = world.sessions.flatMap(({ secret, token }) => [secret, token]);
  return [...keys, ...sessions, world.oidc.requestToken, ...world.seen, ...others].filter((one) => one !== '');
}
