/** CRC-64/XZ, which OSS calls crc64ecma: https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz */
const POLYNOMIAL = 0xc96c5795d7870f42n;
const SLICES = 8;

/** Table number s holds the effect of a byte on the register s bytes later (slicing-by-8), 8 bytes per entry. */
const TABLE = new DataView(new ArrayBuffer(SLICES * 256 * 8));
for (let byte = 0; byte < 256; byte++) {
  let effect = BigInt(byte);
  for (let slice = 0; slice < SLICES; slice++) {
    for (let bit = 0; bit < 8; bit++) effect = effect & 1n ? (effect >> 1n) ^ POLYNOMIAL : effect >> 1n;
    TABLE.setBigUint64(entry(slice, byte), effect, true);
  }
}

function entry(slice: number, byte: number): number {
  return ((slice << 8) | (byte & 255)) << 3;
}

function half(offset: number): number {
  return TABLE.getInt32(offset, true);
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
      const a = low ^ view.getInt32(at, true);
      const b = high ^ view.getInt32(at + 4, true);
      const e0 = entry(7, a);
      const e1 = entry(6, a >>> 8);
      const e2 = entry(5, a >>> 16);
      const e3 = entry(4, a >>> 24);
      const e4 = entry(3, b);
      const e5 = entry(2, b >>> 8);
      const e6 = entry(1, b >>> 16);
      const e7 = entry(0, b >>> 24);
      low = half(e0) ^ half(e1) ^ half(e2) ^ half(e3) ^ half(e4) ^ half(e5) ^ half(e6) ^ half(e7);
      high = half(e0 + 4) ^ half(e1 + 4) ^ half(e2 + 4) ^ half(e3 + 4);
      high ^= half(e4 + 4) ^ half(e5 + 4) ^ half(e6 + 4) ^ half(e7 + 4);
    }
    for (; at < bytes.length; at++) {
      const last = entry(0, low ^ view.getUint8(at));
      low = ((low >>> 8) | (high << 24)) ^ half(last);
      high = (high >>> 8) ^ half(last + 4);
    }
    this.#register.setInt32(0, low, true);
    this.#register.setInt32(4, high, true);
  }

  /** The same as update() with that many zero bytes, but in constant time. */
  addZeros(length: number): void {
    this.#register.setBigUint64(0, multiply(this.#register.getBigUint64(0, true), zeros(length)), true);
  }

  digest(): bigint {
    return this.#register.getBigUint64(0, true) ^ (2n ** 64n - 1n);
  }
}

/** The checksum of two pieces in sequence, from the checksum of each. */
export function combine(first: bigint, second: bigint, secondLength: number): bigint {
  return multiply(first, zeros(secondLength)) ^ second;
}
