/**
 * CRC-64/XZ (ECMA-182, reflected, all ones in and out): what OSS answers as `x-oss-hash-crc64ecma`
 * (https://www.alibabacloud.com/help/en/oss/developer-reference/check-data-integrity-by-using-crc-64).
 */
import { DATA, MODULE, SCALAR_MODULE, WINDOW } from './crc64-wasm.ts';

/** The parts of the global that are used here. Its types belong to the DOM, which Node's types leave out. */
declare const WebAssembly: {
  CompileError: new () => Error;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

interface Kernel {
  memory: { readonly buffer: ArrayBuffer };
  /** a * b mod P; bit 63 is the coefficient of x^0. */
  multiply: (a: bigint, b: bigint) => bigint;
  /** The state after the first `length` bytes of the window at DATA. */
  crc: (state: bigint, length: number) => bigint;
}

interface Engine extends Kernel {
  window: Uint8Array;
  /** x^(8 * 2^k) for k = 0..52, enough for any safe integer. */
  powers: bigint[];
}

const ONES = 0xffff_ffff_ffff_ffffn;
const ONE = 1n << 63n;
const X_8 = 1n << 55n;

let started: Engine | undefined;

/** The compiled module. It is compiled on first use, so that a run without an upload does not need it. */
function engine(): Engine {
  if (started !== undefined) return started;
  const kernel = new WebAssembly.Instance(compile()).exports as Kernel;
  const { crc, memory, multiply } = kernel;
  const table = new BigUint64Array(memory.buffer, 0, 256);
  for (let byte = 0; byte < 256; byte++) table[byte] = multiply(BigInt(byte), X_8);
  const powers = [X_8];
  for (let last = X_8; powers.length < 53; powers.push(last)) last = multiply(last, last);
  started = { crc, memory, multiply, powers, window: new Uint8Array(memory.buffer, DATA, WINDOW) };
  return started;
}

/** V8 rejects the SIMD module on a processor without SSE4.1 (to try it: `node --no-enable-sse4-1`). */
function compile(): object {
  try {
    return new WebAssembly.Module(Buffer.from(MODULE, 'base64'));
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return new WebAssembly.Module(Buffer.from(SCALAR_MODULE, 'base64'));
  }
}

/** value * x^(8 * length): the state after `length` more zero bytes. */
function shift(value: bigint, length: number): bigint {
  const { multiply, powers } = engine();
  let rest = length;
  let shifted = value;
  for (let k = 0; rest > 0; k++) {
    if (rest % 2 === 1) shifted = multiply(shifted, powers[k] ?? ONE);
    rest = Math.floor(rest / 2);
  }
  return BigInt.asUintN(64, shifted);
}

/** A running CRC. All instances share one window, but none keeps anything in it between calls. */
export class Crc64 {
  #state = ONES;

  update(bytes: Uint8Array): this {
    const { crc, window } = engine();
    for (let at = 0; at < bytes.length; at += WINDOW) {
      const piece = bytes.subarray(at, at + WINDOW);
      window.set(piece);
      this.#state = crc(this.#state, piece.length);
    }
    return this;
  }

  digest(): bigint {
    return BigInt.asUintN(64, this.#state) ^ ONES;
  }
}

export function crc64(bytes: Uint8Array): bigint {
  return new Crc64().update(bytes).digest();
}

/** The CRC of A followed by B, from the CRC of each and the length of B in bytes. */
export function combine(a: bigint, b: bigint, lengthOfB: number): bigint {
  return shift(a, lengthOfB) ^ b;
}

/** The CRC of `length` zero bytes. */
export function zerosCrc(length: number): bigint {
  return shift(ONES, length) ^ ONES;
}
