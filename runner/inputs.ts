import type { StepOutput } from './output.ts';

export interface Action {
  inputs?: Record<string, { default?: string } | null>;
  runs: { main: string; post?: string; 'post-if'?: string };
}

/** Makes INPUT_* as ActionRunner.cs and Handler.cs do: every declared input is set, to '' if it has no default. */
export function inputEnvironment(
  action: Action,
  given: Record<string, string>,
  output: StepOutput,
  matrix: Record<string, unknown> | undefined,
): Record<string, string> {
  const variable = (name: string): string => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`;
  const env: Record<string, string> = {};
  for (const [name, input] of Object.entries(action.inputs ?? {}))
    env[variable(name)] = evaluated(input?.default ?? '', matrix);
  const unexpected = Object.keys(given).filter((name) => !(variable(name) in env));
  if (unexpected.length > 0) output.show(`##[warning]Unexpected input(s) '${unexpected.join("', '")}'`);
  for (const [name, value] of Object.entries(given)) env[variable(name)] = value;
  return env;
}

/** Evaluates the only expression that is used in a default. In a job without a matrix the context is null. */
function evaluated(text: string, matrix: Record<string, unknown> | undefined): string {
  if (text.replaceAll(' ', '') === '${{toJSON(matrix)}}') return JSON.stringify(matrix ?? null, null, 2);
  if (text.includes('${{')) throw new Error(`the default ${text} is not simulated`);
  return text;
}
