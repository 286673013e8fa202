import { randomBytes } from 'node:crypto';
import type { Extent } from './store.ts';

export function randomId(prefix: string, length = 20): string {
  return prefix + randomBytes(length).toString('hex').slice(0, length);
}

export function randomDigits(count: number): string {
  return Array.from(randomBytes(count), (byte, at) => (at === 0 ? 1 + (byte % 9) : byte % 10)).join('');
}

type Text<K extends string> = Record<K, string>;

/** What exists in the cloud, as plain data that tests arrange and inspect. */
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
  /** The default life of a session; without it one hour, or six hours from the metadata service. */
  sessionSeconds?: number;
}
export class Account {
  id = '';
  users: User[] = [];
  roles: Role[] = [];
  policies: Policy[] = [];
  oidcProviders: { arn: string; issuer: string; audiences: string[] }[] = [];
  /** Custom images in each region. */
  imageQuota = 100;
  /** For all regions. How it affects an import is an open question; here it has no effect. */
  diskEncryptionByDefault = false;
  /** True if OSS was activated after 2025-03-20: the public endpoints of the mainland then serve no data. */
  publicEndpointForbidden = false;
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
/** What the first request of an upload sets; header names are lower case. */
export interface Described {
  storageClass: string;
  headers: Record<string, string>;
}
/** ETags include their quotes. */
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
  versioning?: 'Enabled' | 'Suspended';
  /** Retention policy. */
  worm?: { state: 'InProgress' | 'Locked' | 'Expired'; days: number };
  encryption?: { algorithm: 'KMS' | 'AES256'; kmsKeyId?: string };
  accelerated = false;
  cnames: string[] = [];
  /** The bucket policy; it applies to every caller. */
  policy: Statement[] = [];
  lifecycle?: string;
  /** The newest version first. */
  objects = new Map<string, ObjectVersion[]>();
  uploads = new Map<string, Upload>();
}
export interface Disk extends Text<'device' | 'snapshotId' | 'format' | 'bucket' | 'object'> {
  sizeGiB: number;
  /** Size and CRC-64/XZ of the bytes that the import read. */
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
  cancelled?: number;
  /** The objects that this import reads, and whether it has finished reading them. */
  reads: { bucket: string; version: ObjectVersion }[];
  readDone: boolean;
  failure?: { code: string; message: string; at: number };
}
