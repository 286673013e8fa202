/** Writes docs/troubleshooting.md from the table of advice: `node scripts/make-troubleshooting.ts`. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { ADVICE } from '../src/action/advice.ts';
import type { Advice } from '../src/action/advice/entry.ts';

/** Inputs and variables, also with a value; RAM actions and claims; commands, suffixes and the permissions of a job. */
const CODE = new RegExp(
  [
    String.raw`\b(?:\w+_\w+|region)(?:: (?:true|[a-z]+-[\w<>.-]*\w))|\b\w+_\w+`,
    String.raw`\b(?:oss|sts|oidc):\w+|qemu-img (?:check|convert -[^.]*)|\.(?:raw|vhd|qcow2)\b`,
    String.raw`permissions: \{.*?\}|http:[^\s,]+`,
  ].join('|'),
  'g',
);

/** The text of an error as Markdown. */
const markdown = (text: string): string =>
  text
    .split(/(https:\/\/\S+)/)
    .map((part) => (part.startsWith('https:') ? `<${part}>` : part.replace(CODE, '`$&`')))
    .join('')
    .replace('docs/permissions.md', '[docs/permissions.md](permissions.md)');

/** The page, formatted as the repository formats it. */
export async function troubleshooting(): Promise<string> {
  const entry = ({ codes, cause, fix }: Advice) =>
    `### ${codes.map((code) => `\`${code}\``).join(', ')}\n\n${markdown(`${cause} ${fix}`)}\n`;
  const groups = Object.entries(ADVICE).map(([about, advice]) => `## ${about}\n\n${advice.map(entry).join('\n')}`);
  const page = `# Troubleshooting

Find the code in the error of the step: [credentials](#credentials), [bucket](#bucket), [file](#file),
[import](#import), [network](#network). Support tickets to Alibaba Cloud need the RequestId at the end of the error.

<!-- Generated from src/action/advice/ by scripts/make-troubleshooting.ts. -->

${groups.join('\n')}`;
  return format(page, { parser: 'markdown', printWidth: 120 });
}

if (import.meta.main) writeFileSync('docs/troubleshooting.md', await troubleshooting());
