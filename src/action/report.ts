import { CloudError, CloudErrors, textOf } from '../cloud/errors.ts';
import { DiskError } from '../disk/disk.ts';
import { explain } from './advice.ts';

/** Problems of inputs and files, one line each. Nothing was sent. */
export class BadInput extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super('bad input');
    this.problems = problems;
  }
}

/** The problems of a failed run, one line each, and a heading if there can be several. */
export function report(error: unknown): { head?: string; problems: string[] } {
  if (error instanceof DiskError) return { problems: [`Nothing was imported. ${error.problems.join(' ')}`] };
  if (error instanceof BadInput) return { head: 'Nothing was uploaded. Fix the following:', problems: error.problems };
  if (error instanceof CloudErrors) return { head: error.message, problems: error.errors.map(explain) };
  return { problems: [error instanceof CloudError ? explain(error) : `Unexpected: ${textOf(error)}`] };
}

/** The problems as the lines of one annotation. */
export function annotation(error: unknown): string[] {
  const { head, problems } = report(error);
  return head === undefined ? problems : [head, ...problems.map((line) => `- ${line}`)];
}
