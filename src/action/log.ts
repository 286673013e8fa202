import * as core from '@actions/core';
import { printable } from '../disk/text.ts';
import type { RunLog } from '../run/context.ts';

/** Everything that is printed during a run. */
export interface Output extends RunLog {
  /** Hides a secret from now on, in this output and in the runner's. */
  hide: (secret: string) => void;
  /** Marks the step as failed, with one annotation. */
  fail: (lines: string[]) => void;
  /** Any number of lines, shown only with debug logging. */
  debug: (text: string) => void;
  /** Any text as one harmless line. */
  safe: (text: string) => string;
}

export function openLog(): Output {
  const hidden = new Set<string>();
  // The longest first: one secret may be part of another.
  const conceal = (text: string) =>
    [...hidden].sort((a, b) => b.length - a.length).reduce((all, secret) => all.replaceAll(secret, '***'), text);
  const safe = (text: string) => harmlessLine(conceal(text));
  return {
    safe,
    hide(secret) {
      core.setSecret(secret);
      for (const form of formsOf(secret)) hidden.add(form);
    },
    info(line) {
      core.info(safe(line));
    },
    warning(line) {
      core.warning(safe(line));
    },
    debug(text) {
      for (const line of conceal(text).split('\n')) core.debug(safe(line));
    },
    fail(lines) {
      core.setFailed(lines.map(safe).join('\n'));
    },
    async group(title, work) {
      core.startGroup(safe(title));
      try {
        return await work();
      } finally {
        core.endGroup();
      }
    },
  };
}

/**
 * A secret as a whole, line by line, and both percent-encoded once and twice: errors turn line breaks into spaces, and
 * servers echo what they were sent.
 */
function formsOf(secret: string): string[] {
  // To hide a line of a few characters would make the log unreadable, and they tell nothing.
  const lines = secret.split(/\s*\n\s*/).filter(({ length }) => length > 3);
  return [secret, ...lines].flatMap((text) => {
    const encoded = encodeURIComponent(text.toWellFormed());
    return [text, encoded, encodeURIComponent(encoded)];
  });
}

/**
 * The runner takes `::command::` at the start of a line and `##[command]` anywhere in it as a command
 * (actions/runner, src/Runner.Common/ActionCommand.cs).
 */
function harmlessLine(text: string): string {
  return printable(text)
    .replaceAll('##[', '## [')
    .replace(/^(\s*)::/, '$1: :');
}
