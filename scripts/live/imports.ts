/** ImportImage as the questions ask it, and what it answers. */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CloudError, textOf } from '../../src/cloud/errors.ts';
import { textAt } from '../../src/cloud/json.ts';
import type { Params, Rpc } from '../../src/cloud/rpc.ts';
import { importParams, type Started } from '../../src/ecs/import.ts';
import type { Oss } from '../../src/oss/client.ts';
import type { Live } from './account.ts';

/** The disk that the action imports, in the workspace. */
export const DISK = 'disk.raw';

export interface Asked {
  key: string;
  /** The action's when absent. */
  bucket?: string;
  /** RAW when absent. */
  format?: string;
  /** GiB. */
  size?: number;
  role?: string;
  tags?: Record<string, string>;
}

/** What ImportImage is sent for an image that the clean-up will find by its name. */
export function asked({ prefix, bucket }: Live, name: string, what: Asked): Params {
  return importParams({
    name: `${prefix}${name}`,
    bucket: what.bucket ?? bucket,
    disks: [{ key: what.key, format: what.format ?? 'RAW', size: what.size }],
    osType: 'linux',
    platform: 'Others Linux',
    architecture: 'x86_64',
    roleName: what.role,
    tags: what.tags ?? {},
    clientToken: randomUUID(),
  });
}

export async function begin(ecs: Rpc, params: Params): Promise<Started> {
  const made = await ecs('ImportImage', params);
  return { imageId: textAt(made, 'ImageId') ?? '', taskId: textAt(made, 'TaskId') };
}

/** What a dry run ends with: one that passes ends with an error too. */
export async function dryRun(ecs: Rpc, params: Params): Promise<CloudError> {
  return (
    (await refusal(ecs('ImportImage', { ...params, DryRun: true }))) ??
    new CloudError('ecs:ImportImage', 'NoError', 'the dry run ended without an error')
  );
}

export const passed = ({ code }: CloudError): boolean => /^(DryRunOperation|DRYRUN\.SUCCESS|NoError)$/i.test(code);

/** What a call ended with when it failed; one failure must not end what comes after it. */
export async function refusal(call: Promise<unknown>): Promise<CloudError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error instanceof CloudError ? error : new CloudError('live', 'Unexpected', textOf(error));
  }
}

/** The words of the service for what went wrong, and the number under which it can be asked about it. */
export function said(error: unknown): string {
  if (!(error instanceof CloudError)) return textOf(error);
  const { operation, code, message, requestId } = error;
  return `${operation}: ${code}, "${message}"${requestId === undefined ? '' : `, RequestId ${requestId}`}`;
}

export async function put(oss: Oss, key: string, bytes: Buffer): Promise<void> {
  await oss.call('oss:PutObject', (sdk) => sdk.put(key, bytes, { headers: {} }));
}

/** The first 2 MiB of the disk: enough where it matters only whether a call is taken. */
export async function headOfDisk(): Promise<Buffer> {
  const file = await open(DISK);
  const bytes = Buffer.alloc(2 * 1024 ** 2);
  await file.read(bytes, 0, bytes.length, 0);
  await file.close();
  return bytes;
}

const CLUSTER = 65_536;

/** A QCOW2 disk of so many bytes that holds nothing (https://www.qemu.org/docs/master/interop/qcow2.html). */
export function emptyQcow2(size: number): Buffer {
  const file = Buffer.alloc(4 * CLUSTER);
  file.write('QFI\u00fb', 0, 'latin1');
  file.writeUInt32BE(2, 4); // version
  file.writeUInt32BE(Math.log2(CLUSTER), 20);
  file.writeBigUInt64BE(BigInt(size), 24);
  file.writeUInt32BE(Math.ceil(size / (CLUSTER * (CLUSTER / 8))), 36); // entries of the L1 table
  file.writeBigUInt64BE(BigInt(3 * CLUSTER), 40); // where that is
  file.writeBigUInt64BE(BigInt(CLUSTER), 48); // where the table of reference counts is
  file.writeUInt32BE(1, 56); // its clusters
  file.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER); // where its one block is
  for (let cluster = 0; cluster < 4; cluster += 1) file.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster);
  return file;
}
