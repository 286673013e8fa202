/**
 * The main job from end to end, on one machine and without an account: `npm run demo`, or `npm run demo -- <disk image>`.
 * The committed dist/index.js is run as GitHub's runner runs it; the cloud that it talks to is simulated.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Crc64 } from '../simulator/crc64.ts';
import { startSimulator, type Simulator } from '../simulator/index.ts';
import { Job, type StageResult } from '../runner/job.ts';
import { unpackDisk } from './packed-disk.ts';
import { readableSummary, readableLine, size } from './readable.ts';

const BUCKET = 'packer';
const NAME = 'packer_import';
const MIB = 1024 ** 2;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line = ''): void => {
  console.log(line);
};
const title = (text: string): void => {
  say(`\n--- ${text} ${'-'.repeat(74 - text.length)}\n`);
};

/** The disk of the user, or the fixture unpacked into the workspace; `path` is what the action's input says. */
async function prepareDisk(given: string | undefined, workspace: string): Promise<{ path: string; file: string }> {
  if (given !== undefined) return { path: resolve(given), file: resolve(given) };
  const path = 'output/disk.raw';
  const file = join(workspace, path);
  mkdirSync(dirname(file));
  await unpackDisk(await readFile(join(root, 'scripts/fixture.img.gz')), file);
  return { path, file };
}

async function checksum(file: string): Promise<bigint> {
  const crc = new Crc64();
  const chunk = Buffer.alloc(MIB);
  const zeros = Buffer.alloc(MIB);
  const handle = await open(file);
  for (let { bytesRead } = await handle.read(chunk); bytesRead > 0; { bytesRead } = await handle.read(chunk)) {
    const bytes = chunk.subarray(0, bytesRead);
    if (bytes.equals(zeros)) crc.addZeros(bytesRead);
    else crc.update(bytes);
  }
  await handle.close();
  return crc.digest();
}

async function runStage(job: Job, stage: 'main' | 'post', inputs: Record<string, string>): Promise<StageResult> {
  title(stage === 'main' ? 'dist/index.js' : 'dist/index.js again, as the post step of the job');
  const stop = new AbortController();
  const interrupt = (): void => {
    stop.abort();
  };
  // Ctrl-C cancels the step as the runner would; post still runs.
  process.once('SIGINT', interrupt);
  const result = await job.run(stage, inputs, {
    signal: stop.signal,
    onLine: (line) => {
      for (const text of readableLine(line)) say(text);
    },
  });
  process.off('SIGINT', interrupt);
  say(`(${result.conclusion} after ${(result.ms / 1000).toFixed(1)} s)`);
  return result;
}

/** What the demo promises, each with whether it is so. */
function verify(simulator: Simulator, results: StageResult[], bytes: number, crc: bigint): [string, boolean][] {
  const { images, buckets } = simulator.world;
  const [main] = results;
  const imageId = main?.outputs.image_id ?? '';
  const image = images.find(({ id }) => id === imageId);
  const disk = image?.disks[0];
  const bucket = buckets.find(({ name }) => name === BUCKET);
  const hex = (value: bigint | undefined): string => value?.toString(16).padStart(16, '0') ?? 'none';
  return [
    ['main and post succeeded', results.every(({ conclusion }) => conclusion === 'success')],
    [
      `image ${imageId || '(no id)'} "${image?.name ?? ''}" is ${image?.status ?? 'missing'}, disk of ${disk?.sizeGiB ?? 0} GiB`,
      image?.status === 'Available' && image.name === NAME && images.length === 1,
    ],
    [
      `the import read ${disk?.bytes ?? 0} bytes with CRC-64 ${hex(disk?.crc)}; the file has ${bytes} and ${hex(crc)}`,
      disk?.bytes === bytes && disk.crc === crc,
    ],
    [
      `bucket ${BUCKET}: ${bucket?.objects.size ?? 0} objects, ${bucket?.uploads.size ?? 0} unfinished uploads`,
      bucket?.objects.size === 0 && bucket.uploads.size === 0,
    ],
    ['the job has a summary', main?.summary !== ''],
    [
      'no secret in log, outputs, state or summary',
      !simulator.secrets().some((secret) => shown(results).includes(secret)),
    ],
  ];
}

/** Everything that others can read. */
function shown(results: StageResult[]): string {
  return results.map(({ log, files }) => [log, ...Object.values(files)].join('\n')).join('\n');
}

async function demo(given: string | undefined): Promise<boolean> {
  const started = performance.now();
  const simulator = await startSimulator({ importSeconds: 5 });
  const { accessKeyId, secret } = simulator.admin;
  const keys = { ALICLOUD_ACCESS_KEY: accessKeyId, ALICLOUD_SECRET_KEY: secret };
  const job = new Job({ actionDir: root, env: { ...simulator.env, ...keys } });
  try {
    const { path, file } = await prepareDisk(given, job.workspace);
    const inputs = {
      path,
      region: 'cn-beijing',
      oss_bucket_name: BUCKET,
      image_name: NAME,
      image_os_type: 'linux',
      image_platform: 'CentOS',
      image_architecture: 'x86_64',
      // A disk of the user may be larger than the one of the example.
      ...(given === undefined && { image_system_size: '40' }),
    };
    const { size: bytes, blocks } = await stat(file);
    say('A disk image becomes an ECS image.\n');
    say(`disk     ${file}: ${size(bytes)}, ${size(blocks * 512)} of it on disk`);
    say(`cloud    OSS, ECS, RAM and STS, simulated behind the proxy ${simulator.proxy}`);
    say(`runner   GitHub's, simulated, with Node ${process.version}\n`);
    say('with:');
    for (const [name, value] of Object.entries(inputs)) say(`  ${name}: ${value}`);

    // Reading all of the disk takes a while: it goes on beside the action.
    const reading = checksum(file);
    const results = [await runStage(job, 'main', inputs), await runStage(job, 'post', inputs)];
    title('outputs');
    const { outputs = {}, summary = '' } = results[0] ?? {};
    say(
      Object.entries(outputs)
        .map(([name, value]) => `${name} = ${value}`)
        .join('\n') || '(none)',
    );
    title('job summary');
    say(readableSummary(summary) || '(none)');
    title('what is there now');
    const promises = verify(simulator, results, bytes, await reading);
    for (const [promise, kept] of promises) say(`${kept ? 'ok    ' : 'NOT OK'}  ${promise}`);
    return promises.every(([, kept]) => kept);
  } finally {
    await job.close();
    await simulator.close();
    say(`\nTemporary files removed. ${((performance.now() - started) / 1000).toFixed(0)} s in all.`);
  }
}

const given = process.argv[2];
if (given !== undefined && !existsSync(given)) {
  console.error(`${given}: no such file`);
  process.exitCode = 1;
} else if (!(await demo(given))) {
  process.exitCode = 1;
}
