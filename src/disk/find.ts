import { glob, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { bytes, DiskError, oneLine, shellQuote } from './disk.ts';
import { holdsDisk } from './inspect.ts';

const MANIFEST_LIMIT = 8 * 1024 ** 2;
const LISTED = 10;

interface Build {
  name: string;
  files: { name: string; size: number }[];
}

/**
 * Finds the one disk image that `path` stands for: a file, a directory, a glob, or the manifest that Packer's
 * `manifest` post-processor writes (https://developer.hashicorp.com/packer/docs/post-processors/manifest).
 * In directories and globs an image is what ends in .raw, .vhd or .qcow2, or whose content is a disk.
 * @param path relative to `workspace` or absolute; only what a manifest names must lie inside the workspace
 * @param workspace absolute path of a directory
 * @returns an absolute path
 * @throws DiskError when no image or more than one comes out
 */
export async function findDisk(path: string, workspace: string): Promise<string> {
  const full = resolve(workspace, path);
  const facts = await stat(full).catch((cause: unknown) => (cause as NodeJS.ErrnoException).code ?? 'unreadable');
  if (typeof facts !== 'string') {
    if (facts.isDirectory()) return theOne(path, await filesIn(full));
    return full.toLowerCase().endsWith('.json') ? fromManifest(full, workspace) : full;
  }
  if (!/[*?[{]/.test(path))
    throw new DiskError([`${oneLine(path)}: no such file (${facts}), seen from ${oneLine(workspace)}.`]);
  const matches: string[] = [];
  for await (const match of glob(path, { cwd: workspace })) matches.push(resolve(workspace, match));
  if (matches.length === 0) throw new DiskError([`${oneLine(path)}: nothing matches in ${oneLine(workspace)}.`]);
  const files = await Promise.all(
    matches.map(async (match) => ((await kindOf(match)) === 'directory' ? filesIn(match) : [match])),
  );
  return theOne(path, files.flat());
}

async function filesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new DiskError([`Cannot read the directory ${shellQuote(directory)}: ${oneLine(String(cause))}`]);
  });
  return names.sort().map((name) => join(directory, name));
}

/** The only image among files; one that ECS cannot import (VMDK...) counts when there is no other, to be refused by name. */
async function theOne(path: string, files: string[]): Promise<string> {
  const images = new Map<string, string>();
  const others = new Map<string, string>();
  for (const file of files) {
    if ((await kindOf(file)) !== 'file') continue;
    const name = await realpath(file);
    if (/\.(raw|vhd|qcow2)$/i.test(file) || (await holdsDisk(file))) images.set(name, file);
    else if (/\.(img|vmdk|vdi|vhdx|qcow|ova)(\.(gz|xz|zst|bz2|zip))?$|\.(raw|vhd|qcow2)\.\w+$/i.test(file))
      others.set(name, file);
  }
  const found = [...(images.size > 0 ? images : others).values()];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (only !== undefined)
    throw new DiskError([`${oneLine(path)}: ${found.length} disk images, one is needed. Name one of: ${list(found)}`]);
  const seen = files.length === 0 ? 'it is empty' : `only ${list(files)}`;
  throw new DiskError([`${oneLine(path)}: no disk image (.raw, .vhd, .qcow2 or the content of one), ${seen}.`]);
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
    const seen = files.length === 0 ? 'no file' : `only ${list(files)}`;
    throw new DiskError([`${named}: the last Packer run made no disk image, ${seen}.`]);
  }
  const images = [...found].map(([file, build]) => `${build}: ${file}`);
  throw new DiskError([`${named}: ${found.size} builds have an image, one is needed. Name one of: ${list(images)}`]);
}

/** Packer's rule for one build (the first file ending in raw or vhd), then qcow2, then content: QEMU's default has no suffix. */
async function imageOf(build: Build, manifest: string, workspace: string): Promise<string | undefined> {
  const file =
    build.files.find(({ name }) => name.endsWith('raw') || name.endsWith('vhd')) ??
    build.files.find(({ name }) => name.endsWith('qcow2'));
  if (file !== undefined) return located(file, manifest, workspace);
  for (const other of build.files) {
    const path = resolve(workspace, other.name);
    if (await holdsDisk(path)) return located(other, manifest, workspace);
  }
  return undefined;
}

/** Where a file of the manifest is, as a real path inside the workspace. Packer wrote the name relative to where it ran. */
async function located(file: Build['files'][number], manifest: string, workspace: string): Promise<string> {
  const root = await realpath(workspace);
  const named = `${shellQuote(manifest)} names ${oneLine(file.name)}`;
  let real: string | undefined;
  for (const base of [workspace, dirname(manifest)])
    real ??= await realpath(resolve(base, file.name)).catch(() => undefined);
  if (real === undefined) throw new DiskError([`${named}, which is not in ${oneLine(workspace)}.`]);
  const way = relative(root, real);
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new DiskError([`${named}, which lies outside the workspace ${oneLine(root)}. Name the image itself.`]);
  const { size } = await stat(real);
  if (size !== file.size)
    throw new DiskError([
      `${named} with ${bytes(file.size)}, the file has ${bytes(size)}: it changed since Packer made it. Run packer build again, or name the image itself.`,
    ]);
  return real;
}

/** The builds of the last run; earlier runs stay in the file, and their images are not this run's. */
async function lastBuilds(path: string): Promise<Build[]> {
  const fail = (why: string) => new DiskError([`${shellQuote(path)} is not a Packer manifest: ${why}.`]);
  if ((await stat(path)).size > MANIFEST_LIMIT) throw fail('more than 8 MiB');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fail(oneLine(String(cause)));
  });
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch {
    throw fail('not JSON');
  }
  const { builds, last_run_uuid: run } = record(manifest);
  if (!Array.isArray(builds) || typeof run !== 'string') throw fail('no builds and last_run_uuid in it');
  const mine = builds.map(record).filter((build) => build.packer_run_uuid === run);
  if (mine.length === 0) throw fail('no build of its last run in it');
  return mine.map(({ name, files }) => ({
    name: String(name),
    files: (Array.isArray(files) ? files : []).map(record).map((file) => {
      if (typeof file.name !== 'string' || typeof file.size !== 'number') throw fail('a file without name or size');
      return { name: file.name, size: file.size };
    }),
  }));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

async function kindOf(path: string): Promise<'file' | 'directory' | 'other'> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() ? 'file' : facts?.isDirectory() ? 'directory' : 'other';
}

function list(names: string[]): string {
  const shown = names.slice(0, LISTED).map(oneLine).join(', ');
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}
