import { combine, crc64, zerosCrc } from './crc64.ts';
import { blocks, readFully, type Source } from './reader.ts';

/** CRC-64/XZ of a whole file as an unsigned decimal. Known holes are not read. @throws CloudError */
export async function fileSum(source: Source): Promise<string> {
  const buffer = Buffer.allocUnsafeSlow(1024 ** 2);
  let sum = 0n;
  for await (const { offset, length, zero } of blocks(source)) {
    if (!zero) await readFully(source, buffer, length, offset);
    sum = combine(sum, zero ? zerosCrc(length) : crc64(buffer.subarray(0, length)), length);
  }
  return String(sum);
}
