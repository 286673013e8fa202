import { randomBytes } from 'node:crypto';

export function randomId(prefix: string, length = 20): string {
  return prefix + randomBytes(length).toString('hex').slice(0, length);
}

export function digits(count: number): string {
  return Array.from(randomBytes(count), (byte, at) => (at === 0 ? 1 + (byte % 9) : byte % 10)).join('');
}
