import type { Extent } from './store.ts';

type Text<K extends string> = Record<K, string>;

/** What exists in the cloud: plain data, which tests arrange and look at. */
export interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
}
export interface User extends Text<'id' | 'name' | 'accessKeyId' | 'secret'> {
  disabled?: boolean;
  statements: Statement[];
}
export interface Policy {
  type: 'System' | 'Custom';
  name: string;
  statements: Statement[];
}
export class Role {
  id = '';
  name = '';
  description = '';
  /** The trust policy, as JSON. */
  trust = '';
  policies: { type: 'System' | 'Custom'; name: string; at: number }[] = [];
  created = 0;
  maxSession = 3600;
  /** How long a session lives when nobody asks for another time; an hour, or six from the metadata service. */
  sessionSeconds?: number;
}
export class Account {
  id = '';
  users: User[] = [];
  roles: Role[] = [];
  policies: Policy[] = [];
  oidcProviders: { arn: string; issuer: string; audiences: string[] }[] = [];
  /** Custom images a region. */
  imageQuota = 100;
  /** In every region alike; what it changes for an import is an open question, so nothing here. */
  diskEncryptionByDefault = false;
  /** OSS activated after 2025-03-20: no data over the public endpoints of the mainland. */
  publicEndpointForbidden = false;
  /** Whether this (old) account may still use the V1 signature of OSS. */
  signatureV1 = false;
}
export interface Session extends Text<'accessKeyId' | 'secret' | 'token' | 'name'> {
  account: Account;
  role: Role;
  expires: number;
  statements?: Statement[] | undefined;
}
export interface Stored {
  extents: Extent[];
  size: number;
  /** CRC-64/XZ. */
  crc: bigint;
}
/** What an upload fixes when it begins; header names are lower case. */
export interface Described {
  storageClass: string;
  headers: Record<string, string>;
}
/** ETags have their quotes. */
export interface ObjectVersion extends Stored, Described, Text<'key' | 'versionId' | 'etag'> {
  deleteMarker: boolean;
  modified: number;
  type: 'Normal' | 'Multipart';
}
export interface Part extends Stored {
  number: number;
  etag: string;
  modified: number;
}
export interface Upload extends Described, Text<'id' | 'key'> {
  initiated: number;
  parts: Map<number, Part>;
}
export class Bucket {
  name = '';
  region = 'cn-beijing';
  owner = '';
  created = 0;
  storageClass = 'Standard';
  redundancy: 'LRS' | 'ZRS' = 'LRS';
  versioning?: 'Enabled' | 'Suspended';
  /** Retention policy. */
  worm?: { state: 'InProgress' | 'Locked' | 'Expired'; days: number };
  encryption?: { algorithm: 'KMS' | 'AES256'; kmsKeyId?: string };
  accelerated = false;
  cnames: string[] = [];
  /** The bucket policy, for every caller. */
  policy: Statement[] = [];
  lifecycle?: string;
  /** The newest version first. */
  objects = new Map<string, ObjectVersion[]>();
  uploads = new Map<string, Upload>();
}
export interface Disk extends Text<'device' | 'snapshotId' | 'format' | 'bucket' | 'object'> {
  sizeGiB: number;
  /** Size and checksum of the bytes that the import read. */
  bytes: number;
  crc: bigint;
}
export class Image {
  id = '';
  region = 'cn-beijing';
  owner = '';
  name = '';
  description = '';
  family = '';
  status: 'Creating' | 'Waiting' | 'Available' | 'UnAvailable' | 'CreateFailed' | 'Deprecated' = 'Available';
  progress = 100;
  created = 0;
  architecture = 'x86_64';
  osType = 'linux';
  platform = 'Others Linux';
  bootMode = 'BIOS';
  licenseType = '';
  nvmeSupport = 'unsupported';
  imdsSupport = 'v1';
  resourceGroupId = '';
  detectionStrategy = '';
  tags: Record<string, string> = {};
  disks: Disk[] = [];
  /** A public image of Alibaba Cloud. */
  system = false;
  sharedWith: string[] = [];
  usedByInstance = false;
  encrypted = false;
  kmsKeyId = '';
  copy?: { source: string; begun: number; ends: number };
  /** What DescribeImages still shows (null: nothing) until this time. */
  stale?: { until: number; shown: Image | null };
}
export interface Snapshot extends Text<'id' | 'region' | 'owner' | 'imageId'> {
  created: number;
  sizeGiB: number;
  encrypted: boolean;
}
export interface Task extends Text<'id' | 'region' | 'owner' | 'imageId'> {
  action: 'ImportImage';
  status: 'Waiting' | 'Processing' | 'Finished' | 'Failed' | 'Deleted';
  begun: number;
  ends: number;
  progress: number;
  finished?: number;
  cancelled?: number;
  /** The objects this import reads, and whether it is through with them. */
  reads: { bucket: string; version: ObjectVersion }[];
  readDone: boolean;
  failure?: { code: string; message: string; at: number };
}
