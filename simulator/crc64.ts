/** CRC-64/XZ, which OSS calls crc64ecma: https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz */
const POLYNOMIAL = 0xc96c5795d7870f42n;
const SLICES = 16;

/** Table number s says what one byte does to the register s bytes later (slicing-by-16); 8 bytes an entry. */
const TABLE = new DataView(new ArrayBuffer(SLICES * 256 * 8));
for (let byte = 0; byte < 256; byte++) {
  let entry = BigInt(byte);
  for (let slice = 0; slice < SLICES; slice++) {
    for (let bit = 0; bit < 8; bit++) entry = entry & 1n ? (entry >> 1n) ^ POLYNOMIAL : entry >> 1n;
    TABLE.setBigUint64(((slice << 8) | byte) << 3, entry, true);
  }
}

/** The product of two polynomials modulo POLYNOMIAL; the highest bit is the coefficient of x^0. */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 1n << 63n; bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= b;
    b = b & 1n ? (b >> 1n) ^ POLYNOMIAL : b >> 1n;
  }
  return product;
}

const powers = new Map<number, bigint>();

/** x^(8n): multiplying a register by it is the same as feeding n zero bytes. */
function zeros(length: number): bigint {
  let power = powers.get(length);
  if (power === undefined) {
    power = 1n << 63n;
    let square = 1n << 55n;
    for (let n = length; n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) power = multiply(power, square);
      square = multiply(square, square);
    }
    powers.set(length, power);
  }
  return power;
}

export class Crc64 {
  #register = new DataView(new ArrayBuffer(8));

  constructor() {
    this.#register.setBigUint64(0, 2n ** 64n - 1n, true);
  }

  update(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let low = this.#register.getInt32(0, true);
    let high = this.#register.getInt32(4, true);
    let at = 0;
    for (; at + SLICES <= bytes.length; at += SLICES) {
      let nextLow = 0;
      let nextHigh = 0;
      for (let word = 0; word < 4; word++) {
        let four = view.getInt32(at + word * 4, true);
        if (word === 0) four ^= low;
        if (word === 1) four ^= high;
        for (let slice = 15 - word * 4; slice >= 12 - word * 4; slice--, four >>>= 8) {
          const entry = ((slice << 8) | (four & 255)) << 3;
          nextLow ^= TABLE.getInt32(entry, true);
          nextHigh ^= TABLE.getInt32(entry + 4, true);
        }
      }
      low = nextLow;
      high = nextHigh;
    }
    for (; at < bytes.length; at++) {
      const entry = ((low ^ view.getUint8(at)) & 255) << 3;
      low = ((low >>> 8) | (high << 24)) ^ TABLE.getInt32(entry, true);
      high = (high >>> 8) ^ TABLE.getInt32(entry + 4, true);
    }
    this.#register.setInt32(0, low, true);
    this.#register.setInt32(4, high, true);
  }

  /** The same as update() with that many zero bytes, in no time. */
  skip(length: number): void {
    this.#register.setBigUint64(0, multiply(this.#register.getBigUint64(0, true), zeros(length)), true);
  }

  digest(): bigint {
    return this.#register.getBigUint64(0, true) ^ (2n ** 64n - 1n);
  }
}

/** The checksum of two pieces put together, from theirs. */
export function combine(first: bigint, second: bigint, secondLength: number): bigint {
  return multiply(first, zeros(secondLength)) ^ second;
}
