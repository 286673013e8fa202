import { createRequire } from 'node:module';
import https from 'node:https';
import RPCClient from '@alicloud/pop-core';
import type { Simulator, User } from '../../simulator/index.ts';

interface Answered {
  res: { status: number; headers: Record<string, string> };
}
interface Part {
  number: number;
  etag: string;
}
/** The part of ali-oss that the tests use. Its published types lack most of it. */
export interface Oss {
  options: { amendTimeSkewed?: number };
  listBuckets(query: object): Promise<{ buckets: { name: string }[]; owner: { id: string } }>;
  putBucket(name: string): Promise<Answered>;
  getBucketInfo(name: string): Promise<{ bucket: Record<string, unknown> }>;
  putBucketEncryption(name: string, options: object): Promise<Answered>;
  putBucketLifecycle(name: string, rules: object[]): Promise<Answered>;
  put(key: string, body: Buffer, options?: object): Promise<Answered>;
  head(key: string, options?: object): Promise<Answered & { meta: Record<string, string> | null }>;
  delete(key: string): Promise<Answered>;
  listV2(query: object): Promise<{ objects: { name: string }[] | null; nextContinuationToken: string }>;
  initMultipartUpload(key: string, options?: object): Promise<{ uploadId: string }>;
  uploadPart(key: string, id: string, n: number, file: string, from: number, to: number): Promise<Answered & Part>;
  uploadPartCopy(key: string, id: string, n: number, range: string, source: object): Promise<Answered & Part>;
  listParts(key: string, id: string, query?: object): Promise<Record<string, unknown> & { parts: unknown }>;
  listUploads(query: object): Promise<{ uploads: { name: string; uploadId: string }[]; isTruncated: boolean }>;
  completeMultipartUpload(
    key: string,
    id: string,
    parts: Part[],
    options?: object,
  ): Promise<Answered & { etag: string }>;
  abortMultipartUpload(key: string, id: string): Promise<Answered>;
}
export type Rpc = (action: string, params?: Record<string, unknown>) => Promise<Answers>;
/** The fields of RPC answers that the tests read. */
export interface Answers {
  ImageId: string;
  TaskId: string;
  RoleId: string;
  TotalCount: number;
  Images: { Image: { ImageName: string }[] };
  TaskSet: { Task: { TaskStatus: string }[] };
  OperationProgressSet: { OperationProgress: object[] };
  Policies: { Policy: object[] };
  Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string };
}
export interface Credentials {
  accessKeyId: string;
  secret: string;
  token?: string;
}

const OSS = createRequire(import.meta.url)('ali-oss') as new (options: object) => Oss;
const VERSIONS = { ecs: '2014-05-26', ram: '2015-05-01', sts: '2015-04-01' };

export function agent(simulator: Simulator): https.Agent {
  return new https.Agent({ keepAlive: true, ca: simulator.ca, proxyEnv: { HTTPS_PROXY: simulator.proxy } });
}

export function oss(simulator: Simulator, some: object = {}, who: Credentials = simulator.admin): Oss {
  const client = new OSS({
    accessKeyId: who.accessKeyId,
    accessKeySecret: who.secret,
    ...(who.token !== undefined && { stsToken: who.token, refreshSTSToken: null }),
    region: 'oss-cn-beijing',
    endpoint: 'https://oss-cn-beijing.aliyuncs.com',
    secure: true,
    authorizationV4: true,
    bucket: 'packer',
    httpsAgent: agent(simulator),
    ...some,
  });
  const { options } = client;
  const skew = options.amendTimeSkewed ?? 0;
  // Signs with the time of the simulator, which is ahead of the real time.
  Object.defineProperty(options, 'amendTimeSkewed', { get: () => simulator.now() - Date.now() + skew });
  return client;
}

export function rpc(
  simulator: Simulator,
  service: keyof typeof VERSIONS,
  who: Credentials = simulator.admin,
  host?: string,
): Rpc {
  const client = new RPCClient({
    endpoint: `https://${host ?? (service === 'ecs' ? 'ecs.cn-beijing.aliyuncs.com' : `${service}.aliyuncs.com`)}`,
    apiVersion: VERSIONS[service],
    accessKeyId: who.accessKeyId,
    accessKeySecret: who.secret,
    ...(who.token !== undefined && { securityToken: who.token }),
    opts: { agent: agent(simulator) as never, timeout: 5000 },
  });
  const region = service === 'ecs' ? { RegionId: 'cn-beijing' } : {};
  return (action, params = {}) => {
    const Timestamp = new Date(simulator.now()).toISOString().replace(/\.\d+/, '');
    return client.request(action, { Timestamp, ...region, ...params }, { method: 'POST' });
  };
}

/** Adds a RAM user with a policy of these statements. */
export function user(simulator: Simulator, ...statements: User['statements']): User {
  return simulator.world.addUser(simulator.account, 'someone', statements);
}

/** The code of the error with which a promise is rejected. */
export function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: unknown }).code ?? String(error),
  );
}

/** Waits until a condition holds while simulated time passes. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
