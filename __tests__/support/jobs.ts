import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { Crc64 } from '../../simulator/crc64.ts';
import { startSimulator, type Image, type Options, type RecordedRequest, type User } from '../../simulator/index.ts';
import { Job, type StageOptions, type StageResult } from '../../runner/job.ts';
import { cloneWorld } from './kill.ts';
import { INPUTS, ROOT, bootSector, preload, pseudoRandom, runnerEnv, writeDisk } from './scene.ts';

export const NAME = INPUTS.image_name;
const REGION = INPUTS.region;
const SIZE = 65_536;

/** What identifies a job: two jobs are the same only if all of it is equal. */
export interface Identity {
  run?: string;
  job?: string;
  /** GITHUB_ACTION: the id of the step. */
  step?: string;
  /** The matrix context; absent in a job without a matrix. */
  matrix?: object;
}

export interface JobOptions extends StageOptions {
  attempt?: number;
  /** Sends `kill` (default SIGINT) when this request of the job has been executed, before the answer is sent. */
  endAfter?: (request: RecordedRequest) => boolean;
  kill?: 'SIGINT' | 'SIGKILL';
}

/** One job of a workflow, with its own runner, workspace, disk image and access key. */
export interface CloudJob {
  user: User;
  disk: string;
  main(inputs?: Record<string, string>, options?: JobOptions): Promise<StageResult>;
  /** The post step of the same attempt as main. */
  post(inputs?: Record<string, string>, options?: JobOptions): Promise<StageResult>;
  /** Writes a disk image; the seed determines its content. */
  build(seed: number): Promise<void>;
  /** Whether the image, finished or not, has the content of the current disk. */
  isSourceOf(image: Image | undefined): Promise<boolean>;
  /** Whether it also is Available. */
  made(image: Image | undefined): Promise<boolean>;
  /** Resolves when the next request of this job that matches has been executed. */
  until(wanted: (request: RecordedRequest) => boolean): Promise<void>;
  /** All requests of this job. */
  requests(operation?: string): RecordedRequest[];
}

type Listener = (request: RecordedRequest) => void | Promise<void>;
export type Cloud = Awaited<ReturnType<typeof openCloud>>;

/** Whether a request starts an import, and is not a dry run. */
export const isImport = ({ operation, params, code }: RecordedRequest): boolean =>
  operation === 'ecs:ImportImage' && params?.DryRun !== 'true' && code === undefined;

/** True once after the preflight: at the first import, or at the eighth query of an image or a task. */
export function hasBegun(): (request: RecordedRequest) => boolean {
  let looks = 0;
  return (request) => isImport(request) || (/ecs:Describe(Images|Task)/.test(request.operation) && ++looks === 8);
}

/** A cloud for several jobs. The caller closes it. */
export async function openCloud(options: Options = {}) {
  const simulator = await startSimulator({ speed: 60, importSeconds: 8, ...options });
  const { world } = simulator;
  /** Read anew each time, because a fork replaces the accounts. */
  const account = () => world.accounts[0] ?? simulator.account;
  const jobs: Job[] = [];
  const before = new Set<Listener>();
  const after = new Set<Listener>();
  simulator.before = async (request) => {
    for (const listener of before) await listener(request);
  };
  simulator.after = async (request) => {
    for (const listener of after) await listener(request);
  };

  /** A new runner with the keys of `user`, or of a new administrator. */
  async function addJob(identity: Identity = {}, seed = 1, user?: User): Promise<CloudJob> {
    const who = user ?? world.addUser(account(), `job-${account().users.length}`);
    const mine = ({ caller = '' }: RecordedRequest): boolean => caller.endsWith(`/${who.name}`);
    const job = new Job({
      actionDir: ROOT,
      nodeOptions: preload,
      onSpawn: simulator.world.clock.follow,
      env: runnerEnv(simulator, who, {
        GITHUB_RUN_ID: identity.run ?? '4242',
        GITHUB_JOB: identity.job ?? 'build',
        GITHUB_ACTION: identity.step ?? 'import',
      }),
    });
    jobs.push(job);
    const disk = join(job.workspace, 'disk.raw');
    const usual = { ...INPUTS, image_system_size: '40', job_matrix: JSON.stringify(identity.matrix ?? null) };
    let attempt = 1;

    async function run(stage: 'main' | 'post', inputs: Record<string, string>, more: JobOptions): Promise<StageResult> {
      const { endAfter, kill = 'SIGINT', env, ...options } = more;
      if (stage === 'main') attempt = more.attempt ?? 1;
      let child: ChildProcess | undefined;
      const end: Listener = async (request) => {
        if (!mine(request) || !endAfter?.(request)) return;
        after.delete(end);
        const gone = new Promise((done) => child?.once('exit', done));
        child?.kill(kill);
        await gone;
      };
      after.add(end);
      const result = await job.run(stage, inputs, {
        ...options,
        env: { GITHUB_RUN_ATTEMPT: String(attempt), ...env },
        onSpawn: (one) => (child = one),
      });
      after.delete(end);
      return result;
    }

    const one: CloudJob = {
      user: who,
      disk,
      main: (inputs, more = {}) => run('main', { ...usual, ...inputs }, more),
      post: (inputs, more = {}) => run('post', { ...usual, ...inputs }, more),
      build: (content) =>
        writeDisk(disk, SIZE, [
          [0, pseudoRandom(SIZE, content)],
          [0, bootSector(8, 100)],
        ]),
      isSourceOf: async (image) => {
        const bytes = await readFile(disk);
        const crc = new Crc64();
        crc.update(bytes);
        const [system] = image?.disks ?? [];
        return system?.bytes === bytes.length && system.crc === crc.digest();
      },
      made: async (image) => image?.status === 'Available' && (await one.isSourceOf(image)),
      until: (wanted) =>
        new Promise((done) => {
          const look: Listener = (request) => {
            if (!mine(request) || !wanted(request)) return;
            after.delete(look);
            done();
          };
          after.add(look);
        }),
      requests: (operation) =>
        simulator.record.filter((request) => mine(request) && request.operation === (operation ?? request.operation)),
    };
    await one.build(seed);
    return one;
  }

  return {
    simulator,
    world,
    account: account(),
    before,
    after,
    addJob,
    holders: (name = NAME) => world.images.filter((image) => image.name === name && image.region === REGION),
    /** Everything that exists besides finished images that hold the name, one line each. */
    left: (name = NAME) => [
      ...world.buckets.flatMap(({ objects }) => [...objects.keys()].map((key) => `object ${key}`)),
      ...world.buckets.flatMap(({ uploads }) => [...uploads.values()].map(({ key }) => `upload ${key}`)),
      ...world.images
        .filter((image) => image.name !== name || image.status !== 'Available')
        .map((image) => `image ${image.name} ${image.status}`),
      ...world.tasks.filter(({ status }) => status === 'Processing').map(({ imageId }) => `task of ${imageId}`),
    ],
    close: async () => {
      await Promise.all(jobs.map((job) => job.close()));
      await simulator.close();
    },
  };
}

/** A copy of the cloud, with the same time and speed. The original must be closed after the copy. */
export async function forkCloud({ simulator, world }: Cloud): Promise<Cloud> {
  const forked = await openCloud({ ...world.durations, origin: world.clock.now(), speed: world.clock.speed });
  cloneWorld(simulator, forked.simulator);
  return forked;
}

/** Ends the imports that are in progress, in this many simulated seconds. */
export function endImports({ world }: Cloud, seconds: number): void {
  for (const task of world.tasks) if (task.status === 'Processing') task.ends = world.clock.now() + seconds * 1000;
}

/** A cloud that is closed when the test ends. */
export async function testCloud(options: Options = {}): Promise<Cloud> {
  const opened = await openCloud(options);
  onTestFinished(opened.close);
  return opened;
}

/** A cloud in which an image holds the name. */
export async function testCloudWithOld(options: Options = {}) {
  const opened = await testCloud(options);
  return { ...opened, old: opened.world.addImage(opened.account, NAME) };
}

/** Main and its post step, which the runner starts even if main fails. */
export async function mainAndPost(job: CloudJob, inputs: Record<string, string> = {}, options: JobOptions = {}) {
  const main = await job.main(inputs, options);
  const post = await job.post(inputs);
  expect(post.conclusion, post.log).toBe('success');
  return main;
}
