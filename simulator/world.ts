import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Clock } from './clock.ts';
import * as e from './entities.ts';
import { Store, etagOf, read, release } from './store.ts';

/** How long things take, in simulated seconds. */
export const DURATIONS = { importSeconds: 20, copySeconds: 10, rolePropagationSeconds: 8, imageVisibilitySeconds: 1 };

export const IMPORT_ROLE = 'AliyunECSImageImportDefaultRole';
export const IMPORT_POLICY = 'AliyunECSImageImportRolePolicy';
const EVERYTHING: e.Statement[] = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
const READ_OBJECTS = ['oss:GetObject', 'oss:GetBucketLocation', 'oss:GetBucketInfo'];
/** https://www.alibabacloud.com/help/en/ecs/user-guide/import-custom-images names the first one. */
const SYSTEM_POLICIES: e.Policy[] = [
  { type: 'System', name: IMPORT_POLICY, statements: [{ Effect: 'Allow', Action: READ_OBJECTS, Resource: '*' }] },
  { type: 'System', name: 'AdministratorAccess', statements: EVERYTHING },
  { type: 'System', name: 'AliyunOSSFullAccess', statements: [{ Effect: 'Allow', Action: 'oss:*', Resource: '*' }] },
];

export function trusting(principal: Record<string, string[]>, condition?: object): string {
  const statement = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: principal, Condition: condition };
  return JSON.stringify({ Statement: [statement], Version: '1' });
}

export type NewVersion = Omit<e.ObjectVersion, 'versionId' | 'deleteMarker'>;

/** Everything that exists. Tests read and write the fields; the methods fill in the usual values. */
export class World {
  readonly clock: Clock;
  store: Store;
  readonly durations: typeof DURATIONS;
  accounts: e.Account[] = [];
  sessions: e.Session[] = [];
  buckets: e.Bucket[] = [];
  images: e.Image[] = [];
  snapshots: e.Snapshot[] = [];
  tasks: e.Task[] = [];
  /** By image id: how DescribeImages still shows an image after a change; undefined if it does not show it yet. */
  readonly lagging = new Map<string, { until: number; shown: e.Image | undefined }>();
  /** How DescribeImages matches an ImageName, which is not documented. */
  imageNameSearch: 'part' | 'pattern' | 'whole' = 'part';
  nextImportFails?: { code: string; message: string; at?: number } | undefined;
  /** The ECS instance that the client runs on. Its metadata service has version 2, and version 1 too or only, by `v1`. */
  instance?: { account: e.Account; region: string; role?: string; v1?: boolean | 'only' } | undefined;
  /** The tokens of its metadata service, and when they expire. */
  readonly metadataTokens = new Map<string, number>();
  /** The nonces of the RPC signatures so far. */
  readonly nonces = new Set<string>();
  /** Answers by ClientToken: https://www.alibabacloud.com/help/en/ecs/developer-reference/how-to-ensure-idempotence */
  readonly clientTokens = new Map<string, { request: string; answer: Promise<object> }>();
  /** What a job authenticates with to get an ID token from GitHub, and the subject of that ID token. */
  readonly oidc = { requestToken: e.randomId('', 48), subject: 'repo:octo-org/octo-repo:ref:refs/heads/main' };
  /** Signatures and ID tokens, which must not be printed. */
  readonly seen = new Set<string>();

  constructor(clock: Clock, directory: string, durations: typeof DURATIONS) {
    this.clock = clock;
    this.store = new Store(directory);
    this.durations = durations;
  }

  addAccount(some: Partial<e.Account> = {}): e.Account {
    const account = Object.assign(new e.Account(), { id: `1${e.randomDigits(15)}`, ...some });
    this.accounts.push(account);
    return account;
  }

  /** Adds a RAM user, an administrator by default. */
  addUser(account: e.Account, name: string, statements: e.Statement[] = EVERYTHING): e.User {
    const secret = randomBytes(15).toString('hex');
    const user = { id: e.randomDigits(18), name, accessKeyId: `LTAI${e.randomId('')}`, secret, statements };
    account.users.push(user);
    return user;
  }

  addRole(account: e.Account, name: string, trust: string, policies: string[] = []): e.Role {
    const attached = policies.map((one) => ({ type: this.policy(account, one)?.type ?? 'System', name: one, at: 0 }));
    const role = Object.assign(new e.Role(), { id: e.randomDigits(18), name, trust, policies: attached });
    account.roles.push(role);
    return role;
  }

  addImportRole(account: e.Account): e.Role {
    return this.addRole(account, IMPORT_ROLE, trusting({ Service: ['ecs.aliyuncs.com'] }), [IMPORT_POLICY]);
  }

  /** Role names are not case-sensitive. */
  role(account: e.Account, name: string): e.Role | undefined {
    return account.roles.find((role) => role.name.toLowerCase() === name.toLowerCase());
  }

  policy(account: e.Account, name: string): e.Policy | undefined {
    return [...account.policies, ...SYSTEM_POLICIES].find((policy) => policy.name === name);
  }

  addBucket(owner: e.Account, name: string, some: Partial<e.Bucket> = {}): e.Bucket {
    const bucket = Object.assign(new e.Bucket(), { name, owner: owner.id, created: this.clock.now(), ...some });
    this.buckets.push(bucket);
    return bucket;
  }

  addImage(owner: e.Account, name: string, some: Partial<e.Image> = {}): e.Image {
    const fresh = { id: e.randomId('m-2ze', 17), name, owner: owner.id, created: this.clock.now() };
    const image = Object.assign(new e.Image(), fresh, some);
    this.images.push(image);
    return image;
  }

  /** Stores an object as PutObject does, from bytes or from a file. */
  async putObject(bucketName: string, key: string, from: Buffer | { path: string }, some: Partial<NewVersion> = {}) {
    const bucket = this.bucket(bucketName);
    if (!bucket) throw new Error(`no bucket ${bucketName}`);
    const body = Buffer.isBuffer(from) ? [from].values() : createReadStream(from.path, { highWaterMark: 1 << 20 });
    const { md5, ...stored } = await this.store.write(body as AsyncIterable<Buffer>);
    const { storageClass } = bucket;
    const usual = { modified: this.clock.now(), type: 'Normal', storageClass, headers: {} } as const;
    return this.putVersion(bucket, { key, ...stored, etag: etagOf(md5), ...usual, ...some });
  }

  newVersionId(bucket: e.Bucket): string {
    return bucket.versioning === 'Enabled' ? e.randomId('CAEQ', 60) : 'null';
  }

  /** Adds a version of an object. It replaces the version with the same id. */
  async putVersion(bucket: e.Bucket, some: NewVersion): Promise<e.ObjectVersion> {
    const version = { ...some, versionId: this.newVersionId(bucket), deleteMarker: false };
    const versions = bucket.objects.get(version.key) ?? [];
    const replaced = versions.filter(({ versionId }) => versionId === version.versionId);
    bucket.objects.set(version.key, [version, ...versions.filter((one) => !replaced.includes(one))]);
    await release(replaced.flatMap(({ extents }) => extents));
    return version;
  }

  bucket(name: string): e.Bucket | undefined {
    return this.buckets.find((bucket) => bucket.name === name);
  }

  /** The current version of an object; undefined if it is deleted. */
  object(bucketName: string, key: string): e.ObjectVersion | undefined {
    const newest = this.bucket(bucketName)?.objects.get(key)?.[0];
    return newest?.deleteMarker ? undefined : newest;
  }

  /** The bytes of an object, in chunks of at most 1 MiB. */
  readObject(bucketName: string, key: string, begin = 0, end?: number): AsyncGenerator<Buffer> {
    const version = this.object(bucketName, key);
    if (!version) throw new Error(`no object ${key} in bucket ${bucketName}`);
    return read(version.extents, begin, end ?? version.size);
  }

  /** Whether an object equals a file, byte for byte. */
  async sameAsFile(bucketName: string, key: string, path: string): Promise<boolean> {
    let at = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      let done = 0;
      for await (const stored of this.readObject(bucketName, key, at, at + chunk.length)) {
        if (!stored.equals(chunk.subarray(done, done + stored.length))) return false;
        done += stored.length;
      }
      at += chunk.length;
    }
    return at === this.object(bucketName, key)?.size;
  }
}
