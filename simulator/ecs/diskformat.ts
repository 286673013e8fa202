import type { ObjectVersion } from '../entities.ts';
import { fail } from '../errors.ts';
import { collect, read } from '../store.ts';

async function bytesAt(version: ObjectVersion, begin: number, length: number): Promise<Buffer> {
  const bytes = await collect(read(version.extents, begin, Math.min(begin + length, version.size)));
  return Buffer.concat([bytes, Buffer.alloc(length)], length);
}

/**
 * The format by its magic numbers, and the virtual size of the disk in bytes.
 * QCOW2: https://www.qemu.org/docs/master/interop/qcow2.html; VHD: the Virtual Hard Disk Format Specification 1.0.
 */
export async function inspect(version: ObjectVersion): Promise<{ format: string; virtualSize: number }> {
  const head = await bytesAt(version, 0, 512);
  const foot = await bytesAt(version, Math.max(version.size - 512, 0), 512);
  if (head.toString('latin1', 0, 4) === 'QFI\u00fb')
    return { format: 'QCOW2', virtualSize: Number(head.readBigUInt64BE(24)) };
  if (head.toString('latin1', 0, 4) === 'KDMV') return { format: 'VMDK', virtualSize: 0 };
  if (foot.toString('latin1', 0, 8) !== 'conectix') return { format: 'RAW', virtualSize: version.size };
  const virtualSize = Number(foot.readBigUInt64BE(48));
  const dynamic = foot.readUInt32BE(60) === 3;
  if (dynamic) await checkDynamic(version, Number(foot.readBigUInt64BE(16)), virtualSize);
  return { format: 'VHD', virtualSize };
}

async function checkDynamic(version: ObjectVersion, at: number, virtualSize: number): Promise<void> {
  const header = await bytesAt(version, at, 1024);
  const entries = header.readUInt32BE(28);
  const block = header.readUInt32BE(32);
  // It is not documented which block sizes are supported. Only the default of the format is here.
  if (block !== 2 * 2 ** 20) fail('InvalidBlockSize.NotSupport');
  // It is not documented how exact the product must be. A table that cannot hold the disk is refused.
  if (entries * block < virtualSize) fail('InvalidVHDImage.IncorrectSize');
}
