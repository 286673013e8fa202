import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  addSession,
  startSimulator,
  trusting,
  type Account,
  type Options,
  type Role,
  type Session,
  type Simulator,
  type User,
} from '../../simulator/index.ts';
import { Job, type StageOptions, type StageResult } from '../../runner/job.ts';
import { INPUTS, ROOT, smallDisk } from './scene.ts';

const preload = (name: string): string => `--import=${pathToFileURL(join(ROOT, `__tests__/support/${name}.ts`)).href}`;

/** An account with a user, a role that everyone in it may assume, and an instance; and a stranger with an own account. */
export interface People {
  account: Account;
  user: User;
  role: Role;
  roleArn: string;
  providerArn: string;
  /** Session of the role, created in advance. */
  session: Session;
  expired: Session;
  stranger: User;
  strangers: Account;
}

/** One cloud for many jobs with different identities. */
export interface Crowd extends People {
  simulator: Simulator;
  workspace: string;
  /** A job with only this environment; its home folder holds the profiles. */
  job(env?: Record<string, string>): Guest;
  close(): Promise<void>;
}

export interface Guest {
  job: Job;
  main(inputs: Record<string, string>, options?: StageOptions): Promise<StageResult>;
  post(inputs: Record<string, string>, options?: StageOptions): Promise<StageResult>;
}

export interface CrowdOptions extends Options {
  /** Lifetime of the role's sessions, in seconds. */
  sessionSeconds?: number;
  /** Local ports for hosts that are reached without the proxy, in addition to the metadata service. */
  routes?: (simulator: Simulator) => Promise<Record<string, number>>;
  write?: (path: string) => Promise<void>;
}

export async function openCrowd(options: CrowdOptions = {}): Promise<Crowd> {
  const { sessionSeconds, routes, write = smallDisk } = options;
  const simulator = await startSimulator({ speed: 100, ...options });
  const { world, account } = simulator;
  const user = world.addUser(account, 'ci');
  const providerArn = `acs:ram::${account.id}:oidc-provider/github`;
  account.oidcProviders.push({
    arn: providerArn,
    issuer: 'https://token.actions.githubusercontent.com',
    audiences: ['sts.aliyuncs.com', 'ours'],
  });
  const trust = trusting({ RAM: [`acs:ram::${account.id}:root`], Federated: [providerArn] });
  const role = world.addRole(account, 'importer', trust, ['AdministratorAccess']);
  const external = trusting({ RAM: [`acs:ram::${account.id}:root`] }, { StringEquals: { 'sts:ExternalId': 'ext-42' } });
  world.addRole(account, 'external', external, ['AdministratorAccess']);
  if (sessionSeconds !== undefined) role.sessionSeconds = sessionSeconds;
  world.instance = { account, region: 'cn-beijing', role: 'importer' };
  const session = addSession(world, account, role, 'made-before', sessionSeconds ?? 6 * 3600);
  const expired = addSession(world, account, role, 'expired', -1);
  const strangers = world.addAccount();
  const stranger = world.addUser(strangers, 'stranger');
  const roleArn = `acs:ram::${account.id}:role/importer`;
  const people: People = { account, user, role, roleArn, providerArn, session, expired, stranger, strangers };

  const home = mkdtempSync(join(tmpdir(), 'home-'));
  mkdirSync(join(home, '.aliyun'));
  writeFileSync(join(home, '.aliyun/config.json'), JSON.stringify(cliConfig(people)));
  const workspace = join(home, 'workspace');
  mkdirSync(workspace);
  await write(join(workspace, 'disk.raw'));
  const jobs: Job[] = [];
  const ports = { '100.100.100.200': Number(new URL(simulator.proxy).port), ...(await routes?.(simulator)) };

  return {
    ...people,
    simulator,
    workspace,
    job(env = {}) {
      const job = new Job({
        actionDir: ROOT,
        home,
        workspace,
        nodeOptions: `${preload('fast-time')} ${preload('routes')}`,
        onSpawn: simulator.world.clock.follow,
        env: { ...simulator.env, ROUTES: JSON.stringify(ports), ...env },
      });
      jobs.push(job);
      return {
        job,
        main: (inputs, stage) => job.run('main', { ...INPUTS, ...inputs }, stage),
        post: (inputs, stage) => job.run('post', { ...INPUTS, ...inputs }, stage),
      };
    },
    async close() {
      await Promise.all(jobs.map((job) => job.close()));
      await simulator.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** In the format of `aliyun configure`; the current profile is the stranger's. */
function cliConfig({ user, roleArn, session, expired, stranger }: People): object {
  const keys = { access_key_id: user.accessKeyId, access_key_secret: user.secret };
  const sts = { access_key_id: session.accessKeyId, access_key_secret: session.secret, sts_token: session.token };
  const external = roleArn.replace('role/importer', 'role/external');
  const old = { access_key_id: expired.accessKeyId, access_key_secret: expired.secret, sts_token: expired.token };
  const profiles = [
    { name: 'default', mode: 'AK', access_key_id: stranger.accessKeyId, access_key_secret: stranger.secret },
    { name: 'ak', mode: 'AK', ...keys, region_id: 'cn-beijing' },
    { name: 'sts', mode: 'StsToken', ...sts },
    { name: 'arn', mode: 'RamRoleArn', ...keys, ram_role_arn: roleArn, ram_session_name: 'from-profile' },
    { name: 'arn-sts', mode: 'RamRoleArn', ...sts, ram_role_arn: external, external_id: 'ext-42' },
    { name: 'ecs', mode: 'EcsRamRole', ram_role_name: 'importer' },
    { name: 'ecs-any', mode: 'EcsRamRole', ram_role_name: '' },
    { name: 'old', mode: 'StsToken', ...old },
    { name: 'sso', mode: 'CloudSSO' },
    { name: 'half', mode: 'AK', access_key_id: user.accessKeyId },
  ];
  return { current: 'default', profiles, meta_path: '' };
}
