/** The questions that only a live account can answer, and the functions that ask them. */
import type { Answer, Ask, Live } from './account.ts';
import * as calls from './calls.ts';
import { said } from './imports.ts';
import * as lives from './lives.ts';
import * as storage from './storage.ts';

export const QUESTIONS: Record<number, string> = {
  1: 'Does PublicEndpointForbidden also cover oss-accelerate?',
  2: 'Which key suffixes does ImportImage take?',
  3: 'Is a bucket with SSE-OSS (AES256) refused like one with KMS?',
  4: 'Does DiskImageSize below the virtual size of a QCOW2 fail at the call or in the task?',
  5: 'With which code does a dry run pass?',
  6: 'Does a dry run check the role and the object?',
  7: 'How fast is CancelTask, and does the half image disappear?',
  8: 'Can ImportImage read an object that was completed just now?',
  9: 'Is an import possible with encryption of disks by default?',
  10: 'Does an image that is Creating show its tags and ImportOSSObject?',
  11: 'Do tags of ImportImage need a right of their own?',
  12: 'Can an imported image be copied encrypted within its region?',
  13: 'Which buckets does AliyunECSImageImportRolePolicy cover?',
  14: 'How fast is UploadPartCopy of 64 MiB of zeros, and does its answer carry the CRC?',
};

/** Each function with the questions that it answers. */
const ASKS: [Ask, ...questions: number[]][] = [
  [storage.askAcceleration, 1],
  [calls.askSuffixes, 2],
  [calls.askEncryption, 3],
  [lives.askSmallSize, 4],
  [calls.askDryRun, 5, 6],
  [lives.askImportUnderWay, 8, 10, 7],
  [calls.askDefaultEncryption, 9],
  [calls.askTagRight, 11],
  [lives.askEncryptedCopy, 12],
  [calls.askImportPolicy, 13],
  [storage.askZeroCopies, 14],
];

/** Asks one question after another. An error is the answer to its question. @returns the rows of a Markdown table */
export async function askAll(live: Live): Promise<string[]> {
  const answers = new Map<number, string>();
  for (const [ask, ...questions] of ASKS) {
    const answer: Answer = (question, text) => {
      answers.set(question, text);
      live.log.info(`Question ${question}: ${text}`);
    };
    const last = await ask(live, answer).catch(said);
    for (const open of questions.filter((one) => !answers.has(one))) answer(open, last);
  }
  const rows = Object.entries(QUESTIONS).map(([number, question]) => [number, question, answers.get(Number(number))]);
  return ['| | question | answer |', '| --: | --- | --- |', ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`)];
}

/** Escapes an answer, which is foreign text, so that it stays one cell of plain text. */
const cell = (text = ''): string => text.replace(/[|[\]`*\\]/g, '\\$&').replaceAll('<', '&lt;');
