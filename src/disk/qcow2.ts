import { inflateRawSync } from 'node:zlib';
import { DiskError, type Findings } from './disk.ts';
import { blockwise, u64be, type Inside, type Source } from './source.ts';
import { AGAIN, bytes, oneLine, shellQuote } from './text.ts';

// Offsets in L1, L2 and refcount entries: bits 9 to 55.
const OFFSET = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const TABLE_READ = 1024 ** 2;

/** Whether a file begins as QCOW2. Version 1 has the same magic number, but is a different format. */
export async function isQcow2(file: Source): Promise<boolean> {
  const head = await file.read(0, 8);
  return head.toString('latin1', 0, 4) === 'QFI\xfb' && head.readUInt32BE(4) !== 1;
}

/**
 * Checks the header of a QCOW2 image, and that the file is complete according to its tables. Sizes in bytes.
 * Facts: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst; ECS "Supports ZLIB compression":
 * https://www.alibabacloud.com/help/en/ecs/user-guide/import-a-custom-image
 */
export async function inspectQcow2(file: Source, findings: Findings): Promise<Inside> {
  const header = await file.read(0, 112);
  const version = header.readUInt32BE(4);
  const bits = header.readUInt32BE(20);
  const virtualSize = u64be(header, 24);
  if (version !== 2 && version !== 3) findings.problem(`QCOW2 version ${version} is unknown. ${AGAIN}`);
  if (bits < 9 || bits > 21) findings.problem(`it has clusters of 2^${bits} bytes, which is not 2^9 to 2^21. ${AGAIN}`);
  if (virtualSize === 0 || virtualSize === Infinity)
    findings.problem(`the QCOW2 header gives a disk of ${bytes(virtualSize)}. ${AGAIN}`);
  if (findings.problems.length > 0) return { virtualSize };

  const cluster = 2 ** bits;
  const headerLength = version === 3 ? header.readUInt32BE(100) : 72;
  if ((version === 3 && headerLength < 104) || headerLength > cluster || headerLength % 8 !== 0)
    findings.problem(`the QCOW2 header gives its own length as ${bytes(headerLength)}. ${AGAIN}`);
  await refuseFeatures(file, header, version, findings);
  const l1At = u64be(header, 40);
  const l1Entries = header.readUInt32BE(36);
  if (l1Entries < Math.ceil(virtualSize / (cluster * (cluster / 8))))
    findings.problem(`the L1 table has ${l1Entries} entries, too few for ${bytes(virtualSize)}. ${AGAIN}`);
  if (l1At % cluster !== 0 || l1At + l1Entries * 8 > file.size)
    findings.problem(`the file of ${bytes(file.size)} ends before its L1 table: it is cut off. ${AGAIN}`);
  if (findings.problems.length > 0 && findings.packed === undefined) return { virtualSize };

  const end = await usedUntil(file, header, cluster, version === 3 ? header.readUInt32BE(96) : 4);
  if (end === undefined) findings.problem(`the refcount table of the QCOW2 image is damaged. ${AGAIN}`);
  else if (end > file.size)
    findings.problem(`it is cut off: it uses ${bytes(end)}, but the file has only ${bytes(file.size)}. ${AGAIN}`);
  return { virtualSize, guest: guestOf(file, l1At, cluster, bits, virtualSize) };
}

/** Reports features of the format that ECS cannot read or does not document. */
async function refuseFeatures(file: Source, header: Buffer, version: number, findings: Findings): Promise<void> {
  const { path, quoted } = findings;
  const to = `-O qcow2 ${shellQuote(`${path}.fixed.qcow2`)}`;
  const convert = `Run: qemu-img convert -f qcow2 ${quoted} ${to}`;
  const backing = u64be(header, 8);
  if (backing !== 0) {
    const name = await file.read(backing, Math.min(header.readUInt32BE(16), 1023));
    findings.problem(
      `it depends on the backing file ${oneLine(name.toString())}, which ECS cannot see. ${convert}`,
      'qcow2',
    );
  }
  if (header.readUInt32BE(32) !== 0) {
    const keyed = shellQuote(`driver=qcow2,encrypt.key-secret=key,file.filename=${path.replaceAll(',', ',,')}`);
    const decrypt = `qemu-img convert --object secret,id=key,file=KEY --image-opts ${keyed} ${to}`;
    findings.problem(`the QCOW2 image is encrypted. With its key in the file KEY, run: ${decrypt}`);
  }
  const features = version === 3 ? header.readBigUInt64BE(72) : 0n;
  const refuse = (bits: bigint, text: string) => {
    if ((features & bits) !== 0n) findings.problem(text, 'qcow2');
  };
  if ((features & 3n) !== 0n)
    findings.problem(`it was not closed cleanly (dirty or corrupt). Run: qemu-img check -r all ${quoted}`);
  refuse(4n, `its data is in an external data file, which ECS cannot see. ${convert}`);
  refuse(8n, `its clusters are not compressed with zlib, the only compression that ECS can read. ${convert}`);
  refuse(16n, `it has extended L2 entries (subclusters), which ECS may not read. ${convert}`);
  if ((features & ~31n) !== 0n)
    findings.problem(`it has incompatible features that are newer than this action. ${convert}`);
}

/**
 * The offset of the last used cluster, plus one byte because writers may leave the last cluster short; undefined when the
 * tables make no sense. Reads the first MiB of the refcount table, which covers terabytes with the usual cluster size.
 */
async function usedUntil(file: Source, header: Buffer, cluster: number, order: number): Promise<number | undefined> {
  const tableAt = u64be(header, 48);
  const length = header.readUInt32BE(56) * cluster;
  if (order > 6 || length === 0 || tableAt % cluster !== 0 || tableAt + 8 > file.size) return undefined;
  if (tableAt + length > file.size) return tableAt + length;
  const table = await file.read(tableAt, Math.min(length, TABLE_READ));
  let last = table.length - 8;
  while (last >= 0 && table.readBigUInt64BE(last) === 0n) last -= 8;
  if (last < 0) return undefined;
  const blockAt = Number(table.readBigUInt64BE(last) & OFFSET);
  if (blockAt + cluster > file.size) return blockAt + cluster;
  const block = await file.read(blockAt, cluster);
  let byte = cluster - 1;
  while (byte >= 0 && block[byte] === 0) byte -= 1;
  if (byte < 0) return 0;
  const bit = byte * 8 + (order < 3 ? 31 - Math.clz32(block[byte] ?? 0) : 0);
  const perBlock = (cluster * 8) >> order;
  return ((last / 8) * perBlock + (bit >> order)) * cluster + 1;
}

function guestOf(file: Source, l1At: number, cluster: number, bits: number, size: number): Source {
  const compressedBits = BigInt(62 - (bits - 8));
  let unpacked: { entry: bigint; data: Buffer } | undefined;
  return blockwise(size, cluster, async (at, length) => {
    const perTable = cluster / 8;
    const index = Math.floor(at / cluster);
    const l2 = (await file.read(l1At + Math.floor(index / perTable) * 8, 8)).readBigUInt64BE() & OFFSET;
    if (l2 === 0n) return undefined;
    const entry = (await file.read(Number(l2) + (index % perTable) * 8, 8)).readBigUInt64BE();
    if ((entry & COMPRESSED) === 0n) {
      const host = Number(entry & OFFSET);
      return (entry & 1n) === 1n || host === 0 ? undefined : file.read(host + (at % cluster), length);
    }
    if (unpacked?.entry !== entry) {
      const descriptor = entry & (COMPRESSED - 1n);
      const host = Number(descriptor & ((1n << compressedBits) - 1n));
      const packed = (Number(descriptor >> compressedBits) + 1) * 512;
      unpacked = { entry, data: unpack(await file.read(host, Math.min(packed, 2 * cluster)), cluster) };
    }
    return unpacked.data.subarray(at % cluster, (at % cluster) + length);
  });
}

function unpack(packed: Buffer, cluster: number): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: cluster });
  } catch {
    throw new DiskError([`A compressed cluster of the QCOW2 image cannot be unpacked. ${AGAIN}`]);
  }
}
