import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { Job, type RunnerOptions, type StageOptions, type StageResult } from '../../runner/job.ts';

const ACTION = `
name: toy
inputs:
  image_name: { description: x, required: true }
  skip_clean: { description: x, default: false }
  With Space: { description: x, default: '7' }
runs: { using: node24, main: toy.mjs, post: toy.mjs }
`;

/** The start of every toy action: a function that appends to the command files. */
const PRELUDE = `
import { appendFileSync } from 'node:fs';
const append = (name, text) => appendFileSync(process.env[name], text);
const { env } = process;
`;

interface StageAndInputs extends StageOptions {
  stage?: 'main' | 'post';
  inputs?: Record<string, string>;
}

interface Toy {
  /** The folder of the action, new for each test. */
  folder: string;
  /** The job of this test; undefined before its first run. */
  job: Job | undefined;
  /** Runs one stage of an action with this code. All runs of a test belong to the same job. */
  run: (code: string, options?: StageAndInputs, more?: Partial<RunnerOptions>) => Promise<StageResult>;
}

/** Makes an action for tests of the simulated runner. Call it once, at the top of a test file. */
export function toy(): Toy {
  const toy: Toy = {
    folder: '',
    job: undefined,
    async run(code, { stage = 'main', inputs = {}, ...options } = {}, more = {}) {
      await writeFile(join(toy.folder, 'toy.mjs'), PRELUDE + code);
      toy.job ??= new Job({ actionDir: toy.folder, ...more });
      return toy.job.run(stage, inputs, options);
    },
  };
  beforeEach(async () => {
    toy.folder = await mkdtemp(join(tmpdir(), 'toy action '));
    await writeFile(join(toy.folder, 'action.yml'), ACTION);
  });
  afterEach(async () => {
    await toy.job?.close();
    toy.job = undefined;
    await rm(toy.folder, { recursive: true, force: true });
  });
  return toy;
}
