/** Runs a job of a workflow as the runner does: its steps in order, then the post steps of actions. */
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { StepOutput } from '../../runner/output.ts';
import { runProcess } from '../../runner/process.ts';
import { Job } from '../../runner/job.ts';
import { ROOT } from './scene.ts';

export interface Step {
  id?: string;
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, string>;
  env?: Record<string, string>;
}

export interface WorkflowJob {
  environment?: string;
  permissions?: Record<string, string>;
  env?: Record<string, string>;
  outputs?: Record<string, string>;
  steps: Step[];
}

export interface WorkflowOptions {
  /** Inputs of workflow_dispatch. */
  inputs?: Record<string, string>;
  /** More values for expressions, such as `secrets.TOKEN` or `github.sha`. */
  context?: Context;
  matrix?: Record<string, string>;
  /** Replacements for steps of other actions and for builds, by their `uses` or `run`. */
  fixtures?: Record<string, Fixture>;
  /** The environment of every step. */
  env: Record<string, string>;
  nodeOptions: string;
  /** Cancels the job at the first line for which this is true. */
  cancelWhen?: (line: string) => boolean;
}

/** Writes into the workspace what the step would write. */
export type Fixture = (workspace: string) => void | Promise<void>;

export interface WorkflowResult {
  /** The conclusion of each step that ran, with its command or action. */
  steps: [name: string, conclusion: string][];
  /** What the user sees. */
  log: string;
  /** Everything that was printed or written to files, except the lines that mask a secret. */
  shown: string;
  summary: string;
  /** Outputs of the job. */
  outputs: Record<string, string>;
}

export type Context = Record<string, string | undefined>;

/** The value of a name. Values that a job may lack are empty, as on GitHub; all others must be in the context. */
function lookUp(name: string, context: Context): string {
  const value = context[name];
  if (value === undefined && !/^(steps|inputs|env)\./.test(name)) throw new Error(`not simulated: ${name}`);
  return value ?? '';
}

/** The expressions in the repository's workflows: a name, a comparison with a text, an entry of a JSON object. */
function evaluate(expression: string, context: Context): string {
  const [, left, right] = /^([\w.-]+) == '([^']*)'$/.exec(expression) ?? [];
  if (left !== undefined) return String(lookUp(left, context) === right);
  const [, json, key = ''] = /^fromJSON\(([\w.-]+)\)\['([^']+)'\]$/.exec(expression) ?? [];
  if (json !== undefined) return (JSON.parse(lookUp(json, context)) as Record<string, string>)[key] ?? '';
  return lookUp(expression, context);
}

const fill = (text: string, context: Context): string =>
  text.replace(/\$\{\{ *(.*?) *\}\}/g, (_, expression: string) => evaluate(expression, context));

/** The conditions in these workflows. */
function holds(condition: string, context: Context, state: { failed: boolean; cancelled: boolean }): boolean {
  const bare = condition.replace(/^\$\{\{(.*)\}\}$/, '$1');
  return bare.split('&&').every((one) => {
    const text = one.trim();
    if (text === 'always()') return true;
    if (text === 'success()') return !state.failed && !state.cancelled;
    if (text === '!cancelled()') return !state.cancelled;
    const [, name = '', value] = /^([\w.-]+) != '(\w*)'$/.exec(text) ?? [];
    if (value === undefined) throw new Error(`a condition that is not simulated: ${text}`);
    return context[name] !== value;
  });
}

export async function runWorkflowJob(job: WorkflowJob, options: WorkflowOptions): Promise<WorkflowResult> {
  const workspace = mkdtempSync(join(tmpdir(), 'workflow-'));
  // Replaces the checkout; a link, so that modules are found.
  symlinkSync(join(ROOT, 'scripts'), join(workspace, 'scripts'));
  const { inputs = {}, env: given, matrix, nodeOptions } = options;
  const runId = '4242';
  const context: Context = { 'github.run_id': runId, ...options.context };
  for (const [name, value] of Object.entries(matrix ?? {})) context[`matrix.${name}`] = value;
  for (const [name, value] of Object.entries(inputs)) context[`inputs.${name}`] = value;
  const jobEnv = { ...given, GITHUB_RUN_ID: runId, GITHUB_REPOSITORY: 'octo/images' } as Record<string, string>;
  for (const [name, value] of Object.entries(job.env ?? {})) {
    context[`env.${name}`] = jobEnv[name] = fill(value, context);
  }
  const filled = (values: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fill(value, context)]));
  const summaryFile = join(workspace, 'summary.md');
  writeFileSync(summaryFile, '');
  const result: WorkflowResult = { steps: [], log: '', shown: '', summary: '', outputs: {} };
  const state = { failed: false, cancelled: false };
  // A job can be cancelled only once.
  const cancelWhen = (line: string) => !state.cancelled && (options.cancelWhen?.(line) ?? false);
  const masks = new Set<string>();
  const action = new Job({ actionDir: ROOT, workspace, env: jobEnv, nodeOptions, ...(matrix && { matrix }) });
  const note = (name: string, conclusion: string, log: string, raw: string) => {
    result.steps.push([name, conclusion]);
    result.log += log;
    result.shown += raw.replace(/^::add-mask::.*$/gm, '') + log;
    state.failed ||= conclusion === 'failure';
    state.cancelled ||= conclusion === 'cancelled';
  };
  const act = async (stage: 'main' | 'post', step: Step) => {
    const done = await action.run(stage, filled(step.with), { env: filled(step.env), cancelWhen });
    note(`${stage} of ${step.uses ?? ''}`, done.conclusion, done.log, done.raw);
    result.shown += Object.values(done.files).join('\n');
    return done;
  };
  const command = async (run: string, step: Step) => {
    const output = new StepOutput(masks, {}, false, undefined);
    const host = process.env;
    const env: Record<string, string> = {
      PATH: [dirname(process.execPath), host.PATH ?? ''].join(delimiter),
      HOME: workspace,
      NODE_OPTIONS: nodeOptions,
      NODE_COMPILE_CACHE: host.NODE_COMPILE_CACHE ?? '',
      GITHUB_STEP_SUMMARY: summaryFile,
      GITHUB_WORKSPACE: workspace,
      ...jobEnv,
      ...filled(step.env),
    };
    const { code, cancelled, raw } = await runProcess(['bash', '-e', '-c', run], workspace, env, {
      cancelWhen,
      onLine: (line) => {
        output.accept(line);
      },
    });
    const ended = code === 0 && !output.failed ? 'success' : 'failure';
    note(run, cancelled ? 'cancelled' : ended, output.log.map((line) => `${line}\n`).join(''), raw);
  };

  try {
    const posts: Step[] = [];
    for (const step of job.steps) {
      const name = step.run ?? step.uses ?? '';
      const fixture = options.fixtures?.[name];
      if (fixture !== undefined) {
        await fixture(workspace);
        note(name, 'success', '', '');
        continue;
      }
      // Their results exist already.
      if (step.uses?.startsWith('actions/') || step.run?.startsWith('npm ci')) continue;
      if (step.id !== undefined) context[`steps.${step.id}.outcome`] = 'skipped';
      if (!holds(step.if ?? 'success()', context, state)) continue;
      if (step.run !== undefined) await command(fill(step.run, context), step);
      if (step.uses !== './') continue;
      posts.unshift(step);
      const { outputs, conclusion } = await act('main', step);
      context[`steps.${step.id ?? ''}.outcome`] = conclusion;
      for (const [name, value] of Object.entries(outputs)) context[`steps.${step.id ?? ''}.outputs.${name}`] = value;
    }
    for (const step of posts) await act('post', step);
    result.outputs = filled(job.outputs);
    result.summary = readFileSync(summaryFile, 'utf8');
    result.shown += result.summary;
    return result;
  } finally {
    await action.close();
    await rm(workspace, { recursive: true, force: true });
  }
}
