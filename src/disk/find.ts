import { glob, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { DiskError } from './disk.ts';
import { bytes, listed, oneLine, shellQuote } from './text.ts';
import { holdsDisk } from './inspect.ts';

const MANIFEST_LIMIT = 8 * 1024 ** 2;
const IMAGE = /\.(raw|vhd|qcow2)$/i;
const EXTENT = /-(flat|[sf]\d{3})\.vmdk$/i;
/** What macOS writes beside a file, for example into a tar archive. */
const APPLE_DOUBLE = /(^|[/\\])\._[^/\\]*$/;
const FOREIGN = /\.(vmdk|vdi|vhdx|qcow|ova|iso)$/i;
const PACKED = /\.(raw|img|vhd|qcow2|vmdk|vdi|vhdx|tar)\.(gz|xz|zst|bz2|lz4|zip|7z)$/i;

/** Whether a file is named like a disk image that ECS takes. */
export const isImageName = (name: string): boolean => IMAGE.test(name) && !APPLE_DOUBLE.test(name);

/** Whether a file is named like a packed or foreign disk. Extents of a VMDK disk are not: its descriptor lists them. */
export const isOtherName = (name: string): boolean =>
  (FOREIGN.test(name) || PACKED.test(name)) && !EXTENT.test(name) && !APPLE_DOUBLE.test(name);

interface Build {
  name: string;
  files: { name: string; size: number }[];
}

/**
 * Finds the one disk image that `path` refers to: a file, a directory, a glob, or the manifest of Packer's `manifest`
 * post-processor (https://developer.hashicorp.com/packer/docs/post-processors/manifest).
 * In a directory or glob, a file is an image if its name ends in .raw, .vhd or .qcow2 or if its content is a disk.
 * @param path relative to `workspace` or absolute; only files that a manifest names must be inside the workspace
 * @param workspace absolute path of a directory
 * @returns an absolute path
 * @throws DiskError when there is no image or more than one
 */
export async function findDisk(path: string, workspace: string): Promise<string> {
  const full = resolve(workspace, path);
  const kind = await kindOf(full);
  if (kind === 'directory') return theOne(path, await filesIn(full));
  if (kind === 'file' && full.toLowerCase().endsWith('.json')) return fromManifest(full, workspace);
  if (kind !== undefined) return full;
  const matches: string[] = [];
  // A file may have these characters in its name; such a file was found above.
  if (/[*?[{]/.test(path))
    for await (const match of glob(path, { cwd: workspace })) matches.push(resolve(workspace, match));
  if (matches.length === 0) {
    const near = await readdir(dirname(full)).catch(() => undefined);
    const seen = near === undefined ? 'its directory does not exist either' : `the directory has: ${listed(near)}`;
    throw new DiskError([`No file, directory or match for ${shellQuote(path)} in ${shellQuote(workspace)}; ${seen}.`]);
  }
  const files = await Promise.all(
    matches.map(async (match) => ((await kindOf(match)) === 'directory' ? filesIn(match) : [match])),
  );
  return theOne(path, [...new Set(files.flat())].sort());
}

async function filesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new DiskError([`Cannot read the directory ${shellQuote(directory)}: ${oneLine(String(cause))}`]);
  });
  return names.sort().map((name) => join(directory, name));
}

/** The only image among files, or, if there is none, the only packed or foreign disk. */
async function theOne(path: string, files: string[]): Promise<string> {
  const images = new Map<string, string>();
  const others = new Map<string, string>();
  for (const file of files) {
    // The extents of a VMDK disk look like disks.
    if (EXTENT.test(file) || (await kindOf(file)) !== 'file') continue;
    const kind = isOtherName(file) ? others : isImageName(file) || (await holdsDisk(file)) ? images : undefined;
    // Links to one file are one image.
    kind?.set(await realpath(file), file);
  }
  const found = [...(images.size > 0 ? images : others).values()];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const among = shellQuote(path);
  if (only !== undefined)
    throw new DiskError([
      `${found.length} disk images in ${among}, but only one can be imported. Set path to one of: ${listed(found)}`,
    ]);
  throw new DiskError([
    `No disk image in ${among}: no file has the name (.raw, .vhd, .qcow2) or the content of one. Found: ${listed(files)}`,
  ]);
}

async function fromManifest(full: string, workspace: string): Promise<string> {
  const builds = await lastBuilds(full);
  const found = new Map<string, string>();
  for (const build of builds) {
    const file = await imageOf(build, full, workspace);
    if (file !== undefined) found.set(file, build.name);
  }
  const [only] = found.keys();
  if (only !== undefined && found.size === 1) return only;
  const named = shellQuote(full);
  if (only === undefined) {
    const files = builds.flatMap((build) => build.files.map(({ name }) => name));
    const seen = files.length === 0 ? 'no file' : `only ${listed(files)}`;
    throw new DiskError([`${named}: the last Packer build has no disk image, ${seen}.`]);
  }
  const images = [...found].map(([file, build]) => `${build}: ${file}`);
  throw new DiskError([
    `${named}: ${found.size} builds have an image, but only one can be imported. Set path to one of: ${listed(images)}`,
  ]);
}

/**
 * The image of one build: by Packer's own rule (the first file that ends in raw or vhd), then qcow2, then by content, because
 * Packer's QEMU builder writes no suffix by default, then foreign disks.
 */
async function imageOf(build: Build, manifest: string, workspace: string): Promise<string | undefined> {
  const file =
    build.files.find(({ name }) => name.endsWith('raw') || name.endsWith('vhd')) ??
    build.files.find(({ name }) => name.endsWith('qcow2'));
  if (file !== undefined) return located(file, manifest, workspace);
  for (const other of build.files) {
    const path = await existing(other.name, manifest, workspace);
    if (path !== undefined && (await holdsDisk(path))) return located(other, manifest, workspace);
  }
  const foreign = build.files.filter(({ name }) => isOtherName(name));
  const [first] = foreign;
  if (foreign.length > 1)
    throw new DiskError([
      `${build.name} has ${foreign.length} disk images: ${listed(foreign.map(({ name }) => name))}.`,
    ]);
  return first && located(first, manifest, workspace);
}

/** Packer writes names relative to the directory in which it ran: the workspace, or the directory of the manifest. */
async function existing(name: string, manifest: string, workspace: string): Promise<string | undefined> {
  const here = await realpath(resolve(workspace, name)).catch(() => undefined);
  return here ?? (await realpath(resolve(dirname(manifest), name)).catch(() => undefined));
}

/** The real path of a file that a manifest names. It must be in the workspace and have the size that Packer recorded. */
async function located(file: Build['files'][number], manifest: string, workspace: string): Promise<string> {
  const named = `The manifest ${shellQuote(manifest)} names ${shellQuote(file.name)}`;
  const real = await existing(file.name, manifest, workspace);
  if (real === undefined) throw new DiskError([`${named}, which is not in ${shellQuote(workspace)}.`]);
  if (!(await isInside(workspace, real)))
    throw new DiskError([`${named}, which is outside of ${shellQuote(workspace)}. Set path to the image itself.`]);
  const { size } = await stat(real);
  if (size !== file.size)
    throw new DiskError([
      `${named} with ${bytes(file.size)}, but the file has ${bytes(size)}: it changed after the Packer build. ` +
        'Run packer build again, or set path to the image itself.',
    ]);
  return real;
}

/** Whether a real path is in a folder. */
export async function isInside(folder: string, real: string): Promise<boolean> {
  const way = relative(await realpath(folder), real);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The builds of the last run. The file also lists earlier runs, whose images are older. */
async function lastBuilds(path: string): Promise<Build[]> {
  const fail = (why: string) => new DiskError([`${shellQuote(path)} is not a Packer manifest: ${why}.`]);
  if ((await stat(path)).size > MANIFEST_LIMIT) throw fail('it has more than 8 MiB');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fail(oneLine(String(cause)));
  });
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw fail('it is not JSON');
  }
  const { builds, last_run_uuid: run } = record(manifest);
  if (!Array.isArray(builds) || typeof run !== 'string') throw fail('it has no builds and last_run_uuid');
  const mine = builds.map(record).filter((build) => build.packer_run_uuid === run);
  if (mine.length === 0) throw fail('it has no build of its last run');
  return mine.map(({ name, files }) => ({
    name: String(name),
    files: (Array.isArray(files) ? files : []).map(record).map((file) => {
      if (typeof file.name !== 'string' || typeof file.size !== 'number') throw fail('a file has no name or size');
      return { name: file.name, size: file.size };
    }),
  }));
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Undefined when nothing exists under that name. A path that cannot be examined is 'other': opening it gives the error. */
async function kindOf(path: string): Promise<'file' | 'directory' | 'other' | undefined> {
  try {
    const facts = await stat(path);
    return facts.isFile() ? 'file' : facts.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? undefined : 'other';
  }
}
