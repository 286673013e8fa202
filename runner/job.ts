/**
 * A simulation of GitHub's runner: runs a JavaScript action as github.com/actions/runner does (version 2.33x, August 2026;
 * comments name the file with each rule). Where the two differ, this one is stricter: it masks only the literal secrets,
 * not their base64 or URL-encoded forms.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { inputEnvironment, type Action } from './inputs.ts';
import { StepOutput, parsePairs, type Command } from './output.ts';
import { runProcess, type ProcessOptions } from './process.ts';

export interface RunnerOptions {
  /** The folder with action.yml. */
  actionDir: string;
  /** The checkout; by default a new temporary folder. close() does not remove a folder that is given. */
  workspace?: string;
  /** The job's `env:`. It overrides any GITHUB_* or RUNNER_* variable below. */
  env?: Record<string, string>;
  /** NODE_OPTIONS of the action, for example a preload that scales time. */
  nodeOptions?: string;
  /** The matrix of the job, if it has one. */
  matrix?: Record<string, unknown>;
  /** HOME of the action; by default that of this process. */
  home?: string;
  /** Is called with each process of the action. */
  onSpawn?: ProcessOptions['onSpawn'];
}

export interface StageOptions extends Omit<ProcessOptions, 'onLine'> {
  /** More environment variables for this stage only, for example GITHUB_RUN_ATTEMPT of a re-run. */
  env?: Record<string, string>;
  /** Is called with every line of the log as it is shown, masked and rendered. */
  onLine?: (line: string) => void;
}

export interface StageResult {
  conclusion: 'success' | 'failure' | 'cancelled';
  code: number | null;
  signal: string | null;
  outputs: Record<string, string>;
  /** All state that the action has saved in this job. The next stage gets it as STATE_*. */
  state: Record<string, string>;
  /** What this stage wrote to GITHUB_ENV. */
  env: Record<string, string>;
  /** The job summary, masked; empty if it exceeds the limit. */
  summary: string;
  /** The workflow commands that were executed, in order. */
  commands: Command[];
  /** What the user sees: masked, commands rendered. */
  log: string;
  /** Everything that was printed, unmasked. An add-mask command contains the secret itself. */
  raw: string;
  /** Raw contents of the five command files, by variable: GITHUB_OUTPUT ... */
  files: Record<string, string>;
  /** Milliseconds from the start to the end of the process. */
  ms: number;
}

/** Bytes, CreateStepSummaryCommand in FileCommandManager.cs. */
const SUMMARY_LIMIT = 1024 * 1024;
/** The variables of FileCommandManager.cs, with the prefixes of their files. */
const FILES = {
  GITHUB_OUTPUT: 'set_output_',
  GITHUB_STATE: 'save_state_',
  GITHUB_ENV: 'set_env_',
  GITHUB_PATH: 'add_path_',
  GITHUB_STEP_SUMMARY: 'step_summary_',
};

/** What every job has. The values are made up, except those that describe this machine. */
const GITHUB = {
  CI: 'true',
  GITHUB_ACTIONS: 'true',
  GITHUB_ACTION: 'import',
  GITHUB_ACTOR: 'octocat',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_JOB: 'build',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_REPOSITORY: 'octo/images',
  GITHUB_REPOSITORY_ID: '1296269',
  GITHUB_REPOSITORY_OWNER: 'octo',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_RUN_ID: '4242',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_SHA: '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d',
  GITHUB_WORKFLOW: 'image',
  RUNNER_ARCH: process.arch.toUpperCase(),
  RUNNER_ENVIRONMENT: 'github-hosted',
  RUNNER_NAME: 'simulated',
  RUNNER_OS: { darwin: 'macOS', win32: 'Windows' }[process.platform as string] ?? 'Linux',
};

const actions = new Map<string, Action>();
/** Parses action.yml, once for each text. In the failsafe schema every scalar is a string, as in the runner. */
function readAction(text: string): Action {
  const action = actions.get(text) ?? (parse(text, { schema: 'failsafe' }) as Action);
  actions.set(text, action);
  return action;
}

/** One step of one job. Each `main` is a new attempt, without the state and variables of the attempt before. */
export class Job {
  readonly workspace: string;
  readonly temp: string;
  readonly #options: RunnerOptions;
  readonly #root = mkdtempSync(join(tmpdir(), 'runner-'));
  readonly #masks = new Set<string>();
  #state: Record<string, string> = {};
  #env: Record<string, string> = {};
  #path: string[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.workspace = resolve(options.workspace ?? join(this.#root, 'workspace'));
    this.temp = join(this.#root, '_temp');
    mkdirSync(this.workspace, { recursive: true });
    mkdirSync(join(this.temp, '_runner_file_commands'), { recursive: true });
  }

  async run(stage: 'main' | 'post', inputs: Record<string, string>, options: StageOptions = {}): Promise<StageResult> {
    const action = readAction(await readFile(join(this.#options.actionDir, 'action.yml'), 'utf8'));
    const script = action.runs[stage];
    if (!script) throw new Error(`action.yml has no ${stage}`);
    if ((action.runs['post-if'] ?? 'always()') !== 'always()') throw new Error('only post-if: always() is simulated');
    if (stage === 'main') [this.#state, this.#env, this.#path] = [{}, {}, []];

    const files: Record<string, string> = {};
    for (const [name, prefix] of Object.entries(FILES)) {
      files[name] = join(this.temp, '_runner_file_commands', prefix + randomUUID());
      await writeFile(files[name], '');
    }
    const env = { ...this.#environment(), ...options.env };
    const output = new StepOutput(this.#masks, this.#state, env.RUNNER_DEBUG === '1', options.onLine);
    for (const [key, value] of Object.entries(this.#state)) env[`STATE_${key}`] = value;
    Object.assign(env, inputEnvironment(action, inputs, output, this.#options.matrix), files);

    const started = performance.now();
    const command = [process.execPath, resolve(this.#options.actionDir, script)] as const;
    const { code, signal, cancelled, raw } = await runProcess(command, this.workspace, env, {
      ...options,
      onSpawn: (child) => {
        this.#options.onSpawn?.(child);
        options.onSpawn?.(child);
      },
      onLine: (line) => {
        output.accept(line);
      },
    });
    const ms = performance.now() - started;

    // The files are read however the process ended: post gets the state of a cancelled main (ActionRunner.cs, `finally`).
    const contents: Record<string, string> = {};
    for (const [name, file] of Object.entries(files)) contents[name] = await readFile(file, 'utf8').catch(() => '');
    const stageEnv: Record<string, string> = {};
    const targets = { GITHUB_OUTPUT: output.outputs, GITHUB_STATE: this.#state, GITHUB_ENV: stageEnv };
    for (const [name, target] of Object.entries(targets)) {
      output.attempt(`file command '${name}'`, () => {
        parsePairs(contents[name] ?? '', target);
      });
    }
    delete stageEnv.NODE_OPTIONS; // the one variable that the runner refuses
    Object.assign(this.#env, stageEnv);
    this.#path.unshift(...(contents.GITHUB_PATH ?? '').split(/\r?\n/).filter(Boolean).reverse());
    let summary = contents.GITHUB_STEP_SUMMARY ?? '';
    if (Buffer.byteLength(summary) > SUMMARY_LIMIT) {
      output.show('##[error]$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k');
      summary = '';
    }

    const ended = code === 0 && !output.failed ? 'success' : 'failure';
    return {
      conclusion: cancelled ? 'cancelled' : ended,
      code,
      signal,
      outputs: output.outputs,
      state: { ...this.#state },
      env: stageEnv,
      summary: output.mask(summary),
      commands: output.commands,
      log: output.log.map((line) => `${line}\n`).join(''),
      raw,
      files: contents,
      ms,
    };
  }

  /** Removes the temporary files. */
  async close(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }

  #environment(): Record<string, string> {
    const { env, home, nodeOptions } = this.#options;
    const host = process.env;
    return {
      PATH: [...this.#path, host.PATH ?? ''].join(delimiter),
      HOME: home ?? host.HOME ?? this.#root,
      LANG: host.LANG ?? 'C.UTF-8',
      ...(host.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: host.NODE_COMPILE_CACHE }),
      ...(nodeOptions && { NODE_OPTIONS: nodeOptions }),
      ...GITHUB,
      GITHUB_WORKSPACE: this.workspace,
      RUNNER_TEMP: this.temp,
      RUNNER_TOOL_CACHE: join(this.#root, 'tools'),
      ...env,
      ...this.#env,
    };
  }
}
