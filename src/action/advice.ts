import { isDenied, ramActionOf, type CloudError } from '../cloud/errors.ts';
import { BUCKET } from './advice/bucket.ts';
import { CREDENTIALS } from './advice/credentials.ts';
import type { Advice } from './advice/entry.ts';
import { FILE } from './advice/file.ts';
import { IMPORT } from './advice/import.ts';
import { NETWORK } from './advice/network.ts';

/** All advice, by topic. */
export const ADVICE: Record<string, Advice[]> = {
  Credentials: CREDENTIALS,
  Bucket: BUCKET,
  File: FILE,
  Import: IMPORT,
  Network: NETWORK,
};

/** The entry for a code, if there is one. */
export function adviceFor(code: string): Advice | undefined {
  return Object.values(ADVICE)
    .flat()
    .find(({ codes }) => codes.includes(code));
}

/** One line: operation, code, message, cause, what to do, and the RequestId for a support ticket. */
export function explain(error: CloudError): string {
  const advice = adviceFor(error.code);
  const parts = [
    `${error.operation} failed: ${error.code}: ${sentence(error.message)}`,
    isDenied(error) ? `Missing RAM action: ${ramActionOf(error.operation)}.` : advice?.cause,
    advice?.fix,
    error.requestId && `(RequestId ${error.requestId})`,
  ];
  return parts.filter(Boolean).join(' ');
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
