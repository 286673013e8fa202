/** The live account, as one run of the workflow sees it. */
import { getIDToken } from '@actions/core';
import { openAgent } from '../../src/cloud/agents.ts';
import { openRpc } from '../../src/cloud/rpc.ts';
import type { Resolved } from '../../src/credentials/profile.ts';
import { fixed, toCredentials } from '../../src/credentials/refreshing.ts';
import { openLog, type Output } from '../../src/action/log.ts';
import { openClients, type Clients } from '../../src/run/clients.ts';

export interface Live {
  region: string;
  /** The prefix of all names of this run. Its last dash distinguishes run 42 from run 421. */
  prefix: string;
  /** `<repository>/<run id>`. */
  run: string;
  /** The bucket in which the action staged its disk. */
  bucket: string;
  /** A bucket whose default encryption the questions set. */
  encrypted: string;
  /** An existing mainland bucket with transfer acceleration; empty if none was given. */
  accelerated: string;
  /** The image that the action made; empty if it failed. */
  imageId: string;
  log: Output;
  /** Clients for the account and the bucket of the action. */
  cloud: Clients;
  /** Clients for another bucket, optionally through another host of OSS. */
  at(bucket: string, region: string, host?: string): Clients;
  /** Clients like `cloud`, but in a session that is limited to these actions. */
  limitedTo(actions: string[]): Promise<Clients>;
}

export function openAccount(env = process.env): Live {
  const text = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') throw new Error(`${name} is not set: live.yml sets it`);
    return value;
  };
  const log = openLog();
  const region = text('LIVE_REGION');
  const prefix = text('LIVE_PREFIX');
  const runId = text('GITHUB_RUN_ID');
  const role = {
    roleArn: text('LIVE_ROLE_ARN'),
    providerArn: text('LIVE_PROVIDER_ARN'),
    sessionName: `live-${runId}`.slice(0, 32),
  };
  const identity: Resolved = { kind: 'oidc', audience: 'sts.aliyuncs.com', ...role, from: 'live.yml' };
  const open = (who: Resolved, bucket: string, where: string, host?: string): Clients => {
    const hosts = { ecs: undefined, oss: host, ram: undefined, sts: undefined };
    return openClients({ region: where, bucket, hosts }, who, { env, idToken: getIDToken, log, hide: log.hide });
  };
  const bucket = `${prefix}disk`;
  return {
    region,
    prefix,
    run: `${text('GITHUB_REPOSITORY')}/${runId}`,
    bucket,
    encrypted: `${prefix}encrypted`,
    accelerated: env.LIVE_ACCELERATED_BUCKET ?? '',
    imageId: env.LIVE_IMAGE_ID ?? '',
    log,
    cloud: open(identity, bucket, region),
    at: (other, where, host) => open(identity, other, where, host),
    limitedTo: async (actions) => {
      const keys = await assumeLimited(role, actions, log);
      return open({ kind: 'keys', keys, from: 'a limited session' }, bucket, region);
    },
  };
}

/** A session policy limits the rights of a session: https://help.aliyun.com/document_detail/371868.html */
async function assumeLimited(
  role: { roleArn: string; providerArn: string; sessionName: string },
  actions: string[],
  log: Output,
) {
  const unsigned = fixed({ accessKeyId: '', accessKeySecret: '' });
  const connection = { credentials: unsigned, agent: openAgent(process.env), log, deadline: { at: Infinity } };
  const service = { name: 'sts', host: 'sts.aliyuncs.com', version: '2015-04-01' };
  const sts = openRpc(service, { ...connection, clock: { behind: 0 } });
  const { Credentials: session } = await sts('AssumeRoleWithOIDC', {
    RoleArn: role.roleArn,
    OIDCProviderArn: role.providerArn,
    OIDCToken: await getIDToken('sts.aliyuncs.com'),
    RoleSessionName: role.sessionName,
    Policy: JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] }),
  });
  return toCredentials('sts:AssumeRoleWithOIDC', session);
}

export type Answer = (question: number, text: string) => void;
/** Returns the answer to those of its questions that it has not answered through `answer`. */
export type Ask = (live: Live, answer: Answer) => Promise<string>;
