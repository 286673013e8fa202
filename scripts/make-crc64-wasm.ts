/**
 * Writes `src/oss/crc64-wasm.ts`: the inner loops of CRC-64/XZ as WebAssembly. Run: `npx node scripts/make-crc64-wasm.ts`.
 *
 * A CRC is the remainder of the data, read as a polynomial over GF(2), divided by P. Adding multiples of P does not change
 * the remainder, so with a multiple of P that has few terms, all at whole bytes,
 *
 *     S = x^(8*L) + x^(8*(L-a)) + x^(8*(L-b)) + ... + 1        with lags a < b < ... < L,
 *
 * each byte can be cancelled by adding it to the bytes that come `a`, `b`, ... `L` later. For the later bytes, 16 at once (8 on
 * a processor without SIMD), this means seven loads and XORs of earlier bytes, without tables or multiplications. Only the
 * last L bytes go through the usual table. This is the idea of Chorba (Russell 2024, arXiv:2412.16398). This S was found by
 * a birthday search over the powers of x; the test divides it by P.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** P without its x^64, bits reversed: bit 63 is the coefficient of x^0. */
export const POLYNOMIAL = 0xc96c5795d7870f42n;
/** The distances, in bytes, of the earlier bytes that are added to a byte. All exceed a step, so that a step never reads its own result. */
export const LAGS = [226, 335, 480, 1182, 1366, 1393, 1498];

const STEP = 64;
/** The longest lag, rounded up to whole steps. */
const REACH = Math.ceil(Math.max(...LAGS) / STEP) * STEP;
/** Memory: the table of 256 words, a copy of the last REACH bytes, REACH zeros, the window of data. */
const COPY = 256 * 8;
const DATA = COPY + 2 * REACH;
/** Bytes processed at once. With the rest of the memory they fit in the L2 cache. */
const WINDOW = 256 * 1024;
const PAGE = 64 * 1024;

type Code = readonly (number | Code)[];

function flatten(code: Code): number[] {
  return code.flatMap((item) => (typeof item === 'number' ? [item] : flatten(item)));
}

/** LEB128, signed. */
function signed(value: bigint): number[] {
  const low = Number(BigInt.asUintN(7, value));
  const rest = value >> 7n;
  const last = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
  return last ? [low] : [low | 0x80, ...signed(rest)];
}

/** LEB128, unsigned. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

const I32 = 0x7f;
const I64 = 0x7e;
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const i32 = (value: number): Code => [0x41, signed(BigInt(value))];
const i64 = (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))];
const call = (index: number): Code => [0x10, index];
const memory = (offset: number): Code => [0, unsigned(offset)];
const load8 = (offset: number): Code => [0x2d, memory(offset)];
const load64 = (offset: number): Code => [0x29, memory(offset)];
const store64 = (offset: number): Code => [0x37, memory(offset)];
const load128 = (offset: number): Code => [0xfd, 0x00, memory(offset)];
const store128 = (offset: number): Code => [0xfd, 0x0b, memory(offset)];
const COPY_BYTES = [0xfc, 0x0a, 0, 0];
const I32_LESS = 0x49;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I32_AND = 0x71;
const I32_XOR = 0x73;
const I32_SHIFT_LEFT = 0x74;
const I32_OF_I64 = 0xa7;
const I64_IS_ZERO = 0x50;
const I32_IS_ZERO = 0x45;
const I64_SUB = 0x7d;
const I64_AND = 0x83;
const I64_XOR = 0x85;
/** How a step adds bytes: 16 at once with SIMD, 8 without. */
const SIMD = { bytes: 16, load: load128, store: store128, xor: [0xfd, 0x51] };
const SCALAR: typeof SIMD = { bytes: 8, load: load64, store: store64, xor: [I64_XOR] };
const I64_SHIFT_LEFT = 0x86;
const I64_SHIFT_SIGNED = 0x87;
const I64_SHIFT_RIGHT = 0x88;
const add = (local: number, value: number): Code => [get(local), i32(value), I32_ADD, set(local)];
const when = (condition: Code, body: Code): Code => [condition, 0x04, 0x40, body, 0x0b];
const doWhile = (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];
const whileDo = (condition: Code, body: Code): Code => when(condition, doWhile(body, condition));

/** multiply(a, b): a * b mod P, one bit of b per round. */
function multiply(): Code {
  const [a, b, product] = [0, 1, 2];
  const addA = [get(product), get(a), get(b), i64(63n), I64_SHIFT_SIGNED, I64_AND, I64_XOR, set(product)];
  const overflow = [i64(0n), get(a), i64(1n), I64_AND, I64_SUB, i64(POLYNOMIAL), I64_AND];
  const aTimesX = [get(a), i64(1n), I64_SHIFT_RIGHT, overflow, I64_XOR, set(a)];
  const nextB = [get(b), i64(1n), I64_SHIFT_LEFT, set(b)];
  return [doWhile([addA, aTimesX, nextB], [get(b), I64_IS_ZERO, I32_IS_ZERO]), get(product)];
}

/** fold(at, end, back): adds to each byte of at..end the bytes at the distances LAGS; `back` is REACH before the first. */
function fold({ bytes, load, store, xor }: typeof SIMD): Code {
  const [at, end, back] = [0, 1, 2];
  const word = (offset: number): Code => [
    [get(at), get(at), load(offset)],
    LAGS.map((lag) => [get(back), load(REACH - lag + offset), xor]),
    store(offset),
  ];
  const step = Array.from({ length: STEP / bytes }, (_, index) => word(index * bytes));
  return doWhile([step, add(at, STEP), add(back, STEP)], [get(at), get(end), I32_LESS]);
}

/** crc(state, length): the state after the first `length` bytes of the window. */
function crc(foldIndex: number): Code {
  const [state, length, at] = [0, 1, 2];
  const stateIntoData = [i32(DATA), i32(DATA), load64(0), get(state), I64_XOR, store64(0), i64(0n), set(state)];
  const cancelled = [get(length), i32(REACH), I32_SUB, i32(-STEP), I32_AND, i32(DATA), I32_ADD, set(at)];
  const main = [i32(DATA), get(at), i32(DATA - REACH), call(foldIndex)];
  // The bytes of the tail are kept, so they must not be added to others: the zeros after the copy take their place.
  const copy = [i32(COPY), get(at), i32(REACH), I32_SUB, i32(REACH), COPY_BYTES];
  const tail = [get(at), get(at), i32(REACH), I32_ADD, i32(COPY), call(foldIndex)];
  const long = [i32(3 * REACH), get(length), I32_LESS];
  const index = [get(state), I32_OF_I64, get(at), load8(0), I32_XOR, i32(255), I32_AND, i32(3), I32_SHIFT_LEFT];
  const byte = [index, load64(0), get(state), i64(8n), I64_SHIFT_RIGHT, I64_XOR, set(state), add(at, 1)];
  return [
    [i32(DATA), set(at)],
    when(long, [stateIntoData, cancelled, main, copy, tail]),
    whileDo([get(at), get(length), i32(DATA), I32_ADD, I32_LESS], byte),
    get(state),
  ];
}

const vector = (items: readonly Code[]): Code => [unsigned(items.length), items];
const sized = (code: Code): Code => [unsigned(flatten(code).length), code];
const section = (id: number, items: readonly Code[]): Code => [id, sized(vector(items))];
const name = (text: string): Code => [text.length, [...Buffer.from(text)]];
const signature = (parameters: number[], results: number[]): Code => [
  0x60,
  [parameters.length, parameters],
  [results.length, results],
];
const body = (locals: readonly Code[], code: Code): Code => sized([vector(locals), code, 0x0b]);

/** The module in base64; exports `memory`, `multiply` and `crc`. */
function makeModule(words: typeof SIMD): string {
  const [multiplyIndex, foldIndex, crcIndex] = [0, 1, 2];
  const types = [signature([I64, I64], [I64]), signature([I32, I32, I32], []), signature([I64, I32], [I64])];
  const exported = [
    [name('memory'), 2, 0],
    [name('multiply'), 0, multiplyIndex],
    [name('crc'), 0, crcIndex],
  ];
  const bodies = [body([[1, I64]], multiply()), body([], fold(words)), body([[1, I32]], crc(foldIndex))];
  const module = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, types),
    section(3, [[multiplyIndex], [foldIndex], [crcIndex]]),
    section(5, [[0, unsigned(Math.ceil((DATA + WINDOW) / PAGE))]]),
    section(7, exported),
    section(10, bodies),
  ];
  return Buffer.from(flatten(module)).toString('base64');
}

/** The text of `src/oss/crc64-wasm.ts`. */
export function makeSource(): string {
  return `// Generated by scripts/make-crc64-wasm.ts, which explains it.
/** Where in its memory the module expects the data, and how many bytes of it at most. */
export const DATA = ${DATA};
export const WINDOW = 256 * 1024;
export const MODULE =
  '${makeModule(SIMD)}';
/** The same for processors without SSE4.1 or its like, on which an engine refuses the other one. */
export const SCALAR_MODULE =
  '${makeModule(SCALAR)}';
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(new URL('../src/oss/crc64-wasm.ts', import.meta.url), makeSource());
}
