import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAGS, POLYNOMIAL, makeSource } from '../../scripts/make-crc64-wasm.ts';
import { WINDOW } from '../../src/oss/crc64-wasm.ts';
import { Crc64, combine, crc64, zerosCrc } from '../../src/oss/crc64.ts';

const ONES = (1n << 64n) - 1n;

/** state * x mod P. */
function timesX(state: bigint): bigint {
  return state & 1n ? (state >> 1n) ^ POLYNOMIAL : state >> 1n;
}

/** CRC-64/XZ bit by bit, straight from its definition. */
function slowCrc(bytes: Uint8Array): bigint {
  let state = ONES;
  for (const byte of bytes) {
    state ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) state = timesX(state);
  }
  return state ^ ONES;
}

/** Bytes without a pattern, the same for the same length. */
function noise(length: number): Uint8Array {
  let x = 0x9e3779b9;
  return Uint8Array.from({ length }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 24;
  });
}

function join(...pieces: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(pieces));
}

/** Short, around the length where the fast path starts, and beyond it. */
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.uint8Array({ minLength: 4500, maxLength: 4800, size: 'max' }),
  fc.uint8Array({ minLength: 4800, maxLength: 20_000, size: 'max' }),
);

describe('crc64', () => {
  it.each([
    ['', 0n],
    ['123456789', 11051210869376104954n],
    ['a', 0x330284772e652b05n],
  ])('of %j is the published value', (text, expected) => {
    expect(crc64(Buffer.from(text))).toBe(expected);
  });

  it('equals the definition at every length around the switch to the fast path', () => {
    const bytes = noise(5000);
    let state = ONES;
    bytes.forEach((byte, at) => {
      expect(crc64(bytes.subarray(0, at))).toBe(state ^ ONES);
      state ^= BigInt(byte);
      for (let bit = 0; bit < 8; bit++) state = timesX(state);
    });
  });

  it('equals the definition over more than one window, at any alignment', () => {
    const bytes = noise(WINDOW + 10_007);
    for (const from of [0, 1, 7]) {
      for (const to of [WINDOW - 1, WINDOW, WINDOW + 1, bytes.length]) {
        const part = bytes.subarray(from, to);
        expect(crc64(part)).toBe(slowCrc(part));
      }
    }
  });

  it('equals the definition for random bytes', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        expect(crc64(bytes)).toBe(slowCrc(bytes));
      }),
    );
  });

  it('is the same however the bytes are split', () => {
    fc.assert(
      fc.property(fc.array(someBytes, { maxLength: 5 }), (pieces) => {
        const running = new Crc64();
        for (const piece of pieces) running.update(piece);
        expect(running.digest()).toBe(crc64(join(...pieces)));
      }),
    );
  });

  it('keeps interleaved instances apart', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), someBytes), { maxLength: 8 }), (feeds) => {
        const running = [0, 1, 2].map(() => new Crc64());
        for (const [index, piece] of feeds) running[index]?.update(piece).digest();
        running.forEach((crc, index) => {
          expect(crc.digest()).toBe(crc64(join(...feeds.filter(([to]) => to === index).map(([, piece]) => piece))));
        });
      }),
    );
  });

  it('reads shared memory', () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(10_000));
    bytes.set(noise(10_000));
    expect(crc64(bytes)).toBe(slowCrc(bytes));
  });
});

it.skipIf(process.arch !== 'x64')('is the same on a processor without SSE4.1', () => {
  const lengths = [0, 1, 4607, 4608, 4609, 5000, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 4700];
  const root = new URL('../../src/oss/', import.meta.url).href;
  const script = `
    import { MODULE } from '${root}crc64-wasm.ts';
    import { crc64 } from '${root}crc64.ts';
    import { readFileSync } from 'node:fs';
    const bytes = readFileSync(0);
    let simd = true;
    try { new WebAssembly.Module(Buffer.from(MODULE, 'base64')); } catch { simd = false; }
    const sums = ${JSON.stringify(lengths)}.map((length) => String(crc64(bytes.subarray(0, length))));
    console.log(JSON.stringify({ simd, sums }));`;
  const bytes = noise(2 * WINDOW + 4700);
  const flags = ['--no-enable-sse4-1', '--input-type=module', '--eval', script];
  const answer = execFileSync(process.execPath, flags, { input: bytes, encoding: 'utf8' });
  expect(JSON.parse(answer)).toEqual({
    simd: false,
    sums: lengths.map((length) => String(slowCrc(bytes.subarray(0, length)))),
  });
});

describe('combine', () => {
  it('gives the CRC of the concatenation', () => {
    fc.assert(
      fc.property(someBytes, someBytes, (a, b) => {
        expect(combine(crc64(a), crc64(b), b.length)).toBe(crc64(join(a, b)));
      }),
    );
  });

  it('does not depend on the order of combining, at lengths up to 2 TiB', () => {
    const length = fc.integer({ min: 0, max: 2 ** 41 });
    const value = fc.bigInt({ min: 0n, max: ONES });
    fc.assert(
      fc.property(value, value, value, length, length, (a, b, c, lengthB, lengthC) => {
        const left = combine(combine(a, b, lengthB), c, lengthC);
        expect(left).toBe(combine(a, combine(b, c, lengthC), lengthB + lengthC));
      }),
    );
  });
});

describe('zerosCrc', () => {
  it('is the CRC of that many zeros', () => {
    fc.assert(
      fc.property(fc.nat(300_000), (length) => {
        expect(zerosCrc(length)).toBe(crc64(new Uint8Array(length)));
      }),
    );
  });

  it('adds up at 2 TiB', () => {
    const half = zerosCrc(2 ** 40);
    expect(zerosCrc(2 ** 41)).toBe(combine(half, half, 2 ** 40));
  });
});

describe('the generator', () => {
  it('writes the committed file', () => {
    expect(readFileSync(new URL('../../src/oss/crc64-wasm.ts', import.meta.url), 'utf8')).toBe(makeSource());
  });

  it('folds by a multiple of the polynomial', () => {
    const reach = Math.max(...LAGS);
    const powers = [1n << 63n];
    for (let power = powers[0] ?? 0n; powers.length <= 8 * reach; powers.push(power)) power = timesX(power);
    const at = (bytes: number): bigint => powers[8 * bytes] ?? 0n;
    expect(LAGS.reduce((sum, lag) => sum ^ at(reach - lag), at(reach))).toBe(0n);
  });
});
