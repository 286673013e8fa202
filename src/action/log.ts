import * as core from '@actions/core';
import type { RunLog } from '../run/context.ts';

/** What a person sees during the run; the only file that prints. */
export interface Output extends RunLog {
  /** Hides a text from now on, in our own output as well as in the runner's. */
  hide: (secret: string) => void;
  /** The one annotation of a failed run; marks the step as failed. */
  fail: (text: string) => void;
  /** For people who turn on debug logging; can have several lines. */
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
      hidden.add(secret);
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
    fail(text) {
      core.setFailed(conceal(text).split('\n').map(safe).join('\n'));
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

/** Control and format characters (bidirectional overrides among them), line and paragraph separators, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * The runner takes `::command::` at the start of a line and `##[command]` anywhere in it for an order
 * (actions/runner, src/Runner.Common/ActionCommand.cs).
 */
function harmlessLine(text: string): string {
  return text
    .replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
    .replaceAll('##[', '## [')
    .replace(/^(\s*)::/, '$1: :');
}
