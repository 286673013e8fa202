/** Writes docs/troubleshooting.md from the table of advice: `node scripts/make-troubleshooting.ts`. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { ADVICE } from '../src/action/advice.ts';

/** The page, formatted as the repository formats it. */
export async function troubleshooting(): Promise<string> {
  const entries = ADVICE.map(
    ({ codes, cause, fix }) =>
      `### ${codes.map((code) => `\`${code}\``).join(', ')}\n\n${cause}\n\n**What to do:** ${fix}\n`,
  );
  const page = `# Troubleshooting

Look for the code in the error of the step. The RequestId at its end is what Alibaba Cloud's support asks for.

<!-- Made from src/advice.ts by scripts/make-troubleshooting.ts. -->

${entries.join('\n')}`;
  return format(page, { parser: 'markdown', printWidth: 120 });
}

if (import.meta.main) writeFileSync('docs/troubleshooting.md', await troubleshooting());
