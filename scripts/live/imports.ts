/** Calls of ImportImage, and their results. */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CloudError, textOf } from '../../src/cloud/errors.ts';
import { textAt } from '../../src/cloud/json.ts';
import type { Params, Rpc } from '../../src/cloud/rpc.ts';
import { tagParams } from '../../src/ecs/images.ts';
import type { Started } from '../../src/ecs/import.ts';
import type { Oss } from '../../src/oss/client.ts';
import type { Live } from './account.ts';

/** The disk that the action imports, in the workspace. */
export const DISK = 'disk.raw';

export interface Asked {
  key: string;
  /** The bucket of the action if absent. */
  bucket?: string;
  /** RAW if absent. */
  format?: string;
  /** GiB. */
  size?: number;
  role?: string;
  tags?: Record<string, string>;
}

/** The parameters of ImportImage for an image that the clean-up finds by its name. */
export function asked({ prefix, bucket }: Live, name: string, what: Asked): Params {
  return {
    ImageName: `${prefix}${name}`,
    OSType: 'linux',
    Platform: 'Others Linux',
    Architecture: 'x86_64',
    RoleName: what.role,
    'DiskDeviceMapping.1.Format': what.format ?? 'RAW',
    'DiskDeviceMapping.1.OSSBucket': what.bucket ?? bucket,
    'DiskDeviceMapping.1.OSSObject': what.key,
    'DiskDeviceMapping.1.DiskImageSize': what.size,
    ...tagParams(what.tags ?? {}),
    ClientToken: randomUUID(),
  };
}

export async function begin(ecs: Rpc, params: Params): Promise<Started> {
  const made = await ecs('ImportImage', params);
  return { imageId: textAt(made, 'ImageId') ?? '', taskId: textAt(made, 'TaskId') };
}

/** The error of a dry run. One that passes ends with an error too. */
export async function dryRun(ecs: Rpc, params: Params): Promise<CloudError> {
  return (
    (await refusal(ecs('ImportImage', { ...params, DryRun: true }))) ??
    new CloudError('ecs:ImportImage', 'NoError', 'the dry run ended without an error')
  );
}

export const passed = ({ code }: CloudError): boolean => /^(DryRunOperation|DRYRUN\.SUCCESS|NoError)$/i.test(code);

/** The error of a call, or undefined. One failure must not prevent the next questions. */
export async function refusal(call: Promise<unknown>): Promise<CloudError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error instanceof CloudError ? error : new CloudError('live', 'Unexpected', textOf(error));
  }
}

/** The error in the words of the service, with its RequestId. */
export function said(error: unknown): string {
  if (!(error instanceof CloudError)) return textOf(error);
  const { operation, code, message, requestId } = error;
  return `${operation}: ${code}, "${message}"${requestId === undefined ? '' : `, RequestId ${requestId}`}`;
}

export async function put(oss: Oss, key: string, bytes: Buffer): Promise<void> {
  await oss.call('oss:PutObject', (sdk) => sdk.put(key, bytes, { headers: {} }));
}

/** The first 2 MiB of the disk, enough to see whether a call is accepted. */
export async function headOfDisk(): Promise<Buffer> {
  const file = await open(DISK);
  const bytes = Buffer.alloc(2 * 1024 ** 2);
  await file.read(bytes, 0, bytes.length, 0);
  await file.close();
  return bytes;
}

const CLUSTER = 65_536;

/** An empty QCOW2 disk of `size` bytes (https://www.qemu.org/docs/master/interop/qcow2.html). */
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
