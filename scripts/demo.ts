/**
 * The whole action on one machine and without an account: `npm run demo`, or `npm run demo -- <path>` with a disk image or
 * a directory that contains one. It runs the committed dist/index.js as GitHub's runner does, against a simulated cloud.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
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

/**
 * The file itself, or the only disk image in a directory.
 * @throws Error that says what else was found
 */
function diskAt(given: string): string {
  const path = resolve(given);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return path;
  if (found?.isDirectory() !== true) throw new Error(`There is no file or directory ${given}.`);
  const images = readdirSync(path).filter((name) => /\.(raw|vhd|qcow2)$/i.test(name));
  const [only] = images;
  if (only !== undefined && images.length === 1) return join(path, only);
  const names = images.length === 0 ? 'none' : images.join(', ');
  throw new Error(`${given} must hold exactly one disk image (.raw, .vhd or .qcow2). It holds: ${names}.`);
}

/** The disk of the user, or the fixture, which is unpacked into the workspace. `path` is the input of the action. */
async function prepareDisk(given: string | undefined, workspace: string): Promise<{ path: string; file: string }> {
  if (given !== undefined) return { path: resolve(given), file: diskAt(given) };
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

async function runStage(
  job: Job,
  stage: 'main' | 'post',
  inputs: Record<string, string>,
  signal?: AbortSignal,
): Promise<StageResult> {
  title(stage === 'main' ? 'dist/index.js' : 'dist/index.js again, as the post step of the job');
  const result = await job.run(stage, inputs, {
    ...(signal && { signal }),
    onLine: (line) => {
      for (const text of readableLine(line)) say(text);
    },
  });
  say(`(${result.conclusion} after ${(result.ms / 1000).toFixed(1)} s)`);
  return result;
}

/** The claims of the demo, each with whether it holds. */
function verify(simulator: Simulator, results: StageResult[], bytes: number, crc: bigint): [string, boolean][] {
  const { images, buckets } = simulator.world;
  const [main] = results;
  const imageId = main?.outputs.image_id ?? '';
  const image = images.find(({ id }) => id === imageId);
  const disk = image?.disks[0];
  const bucket = buckets.find(({ name }) => name === BUCKET);
  // A file that the action unpacks or converts differs from the file of the user.
  const staged = !(main?.log.includes('\nTo import: ') ?? false);
  const hex = (value: bigint | undefined): string => value?.toString(16).padStart(16, '0') ?? 'none';
  return [
    ['main and post succeeded', results.every(({ conclusion }) => conclusion === 'success')],
    [
      `image ${imageId || '(no id)'} "${image?.name ?? ''}" is ${image?.status ?? 'missing'}, disk of ${disk?.sizeGiB ?? 0} GiB`,
      image?.status === 'Available' && image.name === NAME && images.length === 1,
    ],
    [
      `the import read ${disk?.bytes ?? 0} bytes with CRC-64 ${hex(disk?.crc)}; the file has ${bytes} and ${hex(crc)}` +
        (staged ? '' : ' before the action unpacked or converted it'),
      !staged || (disk?.bytes === bytes && disk.crc === crc),
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

/** Everything that other people can read. */
function shown(results: StageResult[]): string {
  return results.map(({ log, files }) => [log, ...Object.values(files)].join('\n')).join('\n');
}

async function demo(given: string | undefined): Promise<boolean> {
  const started = performance.now();
  const stop = new AbortController();
  // Ctrl-C cancels main as the runner would; post still runs, and the temporary files are removed.
  process.on('SIGINT', () => {
    stop.abort();
  });
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
      // A disk of the user may be larger than 40 GiB.
      ...(given === undefined && { image_system_size: '40' }),
    };
    const { size: bytes, blocks } = await stat(file);
    say('A disk image becomes an ECS image.\n');
    say(`disk     ${file}: ${size(bytes)}, ${size(blocks * 512)} of it on disk`);
    say(`cloud    OSS, ECS, RAM and STS, simulated behind the proxy ${simulator.proxy}`);
    say(`runner   GitHub's, simulated, with Node ${process.version}\n`);
    say('with:');
    for (const [name, value] of Object.entries(inputs)) say(`  ${name}: ${value}`);

    // Reading the whole disk takes time, so it is done while the action runs.
    const reading = checksum(file);
    // An error is reported where the result is awaited, after the temporary files are removed.
    reading.catch(() => undefined);
    const results = [await runStage(job, 'main', inputs, stop.signal), await runStage(job, 'post', inputs)];
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

try {
  if (!(await demo(process.argv[2]))) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
