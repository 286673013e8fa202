import { textOf } from '../cloud/errors.ts';
import { openLog, type Output } from './log.ts';
import { main } from './main.ts';
import { post } from './post.ts';
import { annotation } from './report.ts';
import { isPostStep } from './state.ts';

/** Runs main or post. Never throws. */
export async function start(): Promise<void> {
  const log = openLog();
  quietDependencies(log);
  const isPost = isPostStep();
  try {
    await (isPost ? post(log) : main(log));
  } catch (error) {
    log.debug(error instanceof Error ? (error.stack ?? '') : textOf(error));
    const lines = annotation(error);
    if (isPost) lines.forEach(log.warning);
    else log.fail(lines);
  }
}

/** Warnings of dependencies (DEP0169 of url.parse, stacks of urllib) are shown only with debug logging. */
function quietDependencies(log: Output): void {
  process.removeAllListeners('warning').on('warning', ({ stack, message }) => {
    log.debug(stack ?? message);
  });
  console.warn = console.error = (...parts: unknown[]) => {
    log.debug(parts.map(String).join(' '));
  };
}
