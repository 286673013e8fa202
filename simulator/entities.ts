import type { Extent } from './store.ts';

/** What exists in the cloud: plain data, which tests arrange and look at. */
export interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
}
export interface User {
  id: string;
  name: string;
  accessKeyId: string;
  secret: string;
  disabled?: boolean;
  statements: Statement[];
}
export interface Role {
  id: string;
  name: string;
  description: string;
  /** The trust policy, as JSON. */
  trust: string;
  policies: { type: 'System' | 'Custom'; name: string; at: number }[];
  created: number;
  updated: number;
  maxSession: number;
}
export interface Policy {
  type: 'System' | 'Custom';
  name: string;
  statements: Statement[];
}
export interface Account {
  id: string;
  users: User[];
  roles: Role[];
  policies: Policy[];
  oidcProviders: { arn: string; issuer: string; audiences: string[] }[];
  /** Custom images a region. */
  imageQuota: number;
  /** OSS activated after 2025-03-20: no data over the public endpoints of the mainland. */
  publicEndpointForbidden: boolean;
  /** Whether this (old) account may still use the V1 signature of OSS. */
  signatureV1: boolean;
}
export interface Session {
  accessKeyId: string;
  secret: string;
  token: string;
  account: Account;
  role: Role;
  name: string;
  expires: number;
  statements?: Statement[];
}
export interface ObjectVersion {
  key: string;
  versionId: string;
  deleteMarker: boolean;
  extents: Extent[];
  size: number;
  /** With its quotes. */
  etag: string;
  crc: bigint;
  modified: number;
  type: 'Normal' | 'Multipart';
  storageClass: string;
  /** Content-Type, x-oss-meta-* and the like, lower case. */
  headers: Record<string, string>;
}
export interface Part {
  number: number;
  extents: Extent[];
  size: number;
  etag: string;
  crc: bigint;
  modified: number;
}
export interface Upload {
  id: string;
  key: string;
  initiated: number;
  storageClass: string;
  headers: Record<string, string>;
  parts: Map<number, Part>;
}
export interface Bucket {
  name: string;
  region: string;
  owner: string;
  created: number;
  storageClass: string;
  redundancy: 'LRS' | 'ZRS';
  versioning?: 'Enabled' | 'Suspended';
  encryption?: { algorithm: 'KMS' | 'AES256'; kmsKeyId?: string };
  accelerated: boolean;
  cnames: string[];
  /** The bucket policy; `*` stands for every caller. */
  policy: Statement[];
  lifecycle?: string;
  /** The newest version first. */
  objects: Map<string, ObjectVersion[]>;
  uploads: Map<string, Upload>;
}
export interface Disk {
  device: string;
  sizeGiB: number;
  snapshotId: string;
  format: string;
  bucket: string;
  object: string;
  /** Size and checksum of the bytes that the import read. */
  bytes: number;
  crc: bigint;
  virtualSize: number;
}
export interface Image {
  id: string;
  region: string;
  owner: string;
  name: string;
  description: string;
  family: string;
  status: 'Creating' | 'Waiting' | 'Available' | 'UnAvailable' | 'CreateFailed' | 'Deprecated';
  progress: number;
  created: number;
  architecture: string;
  osType: string;
  platform: string;
  bootMode: string;
  licenseType?: string;
  nvmeSupport: string;
  imdsSupport: string;
  resourceGroupId: string;
  detectionStrategy?: string;
  tags: Record<string, string>;
  disks: Disk[];
  system: boolean;
  sharedWith: string[];
  usedByInstance: boolean;
  encrypted: boolean;
  kmsKeyId?: string;
  copy?: { source: string; begun: number; ends: number };
  /** What DescribeImages still shows (null: nothing) until this time. */
  stale?: { until: number; shown: Image | null };
}
export interface Snapshot {
  id: string;
  region: string;
  owner: string;
  imageId: string;
  created: number;
  sizeGiB: number;
  encrypted: boolean;
  tags: Record<string, string>;
}
export interface Task {
  id: string;
  region: string;
  owner: string;
  imageId: string;
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
