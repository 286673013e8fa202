import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { DiskError } from '../../src/disk/disk.ts';
import { findDisk } from '../../src/disk/find.ts';
import { EFI, gpt, mbr, MiB, qcow2, scratch, write } from './build.ts';

/** A workspace with files. A number stands for a file of that many zero bytes. */
function workspace(files: Record<string, number | string | Buffer>): string {
  const root = scratch();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), typeof content === 'number' ? Buffer.alloc(content) : content);
  }
  return root;
}

const found = async (root: string, path: string) => (await findDisk(path, root)).replace(`${root}/`, '');

async function refusal(root: string, path: string): Promise<string> {
  const error: unknown = await findDisk(path, root).catch((thrown: unknown) => thrown);
  if (!(error instanceof DiskError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.problems).toHaveLength(1);
  expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  return error.message.replaceAll(root, 'WS');
}

describe('a file', () => {
  it('may have any name and be anywhere', async () => {
    const root = workspace({ 'out/a [1].bin': 5, '-x': 5 });
    expect(await found(root, 'out/a [1].bin')).toBe('out/a [1].bin');
    expect(await found(root, '-x')).toBe('-x');
    expect(await findDisk(join(root, '-x'), scratch())).toBe(join(root, '-x'));
  });

  it('that is missing gives an error with the content of its directory', async () => {
    const root = workspace({ 'out/disk.qcow2': 5, 'out/b\n::error::': 1 });
    expect(await refusal(root, 'out/disk.raw')).toMatch(
      /No file, .* out\/disk.raw in WS; the directory has: b\\u{a}::error::, disk.qcow2/,
    );
    expect(await refusal(root, 'no/disk.raw')).toMatch(/its directory does not exist either/);
  });
});

describe('a directory', () => {
  test.each<[string, Record<string, number | string | Buffer>, string]>([
    ['by suffix', { 'o/disk.raw': 512, 'o/disk.raw.sha256': 'x', 'o/m.json': '{}', 'o/sub/b.raw': 1 }, 'o/disk.raw'],
    ['by suffix in capitals', { 'o/DISK.QCOW2': 512, 'o/efivars.fd': 512 }, 'o/DISK.QCOW2'],
    ['QCOW2 without suffix', { 'o/packer-ubuntu': qcow2(), 'o/efivars.fd': MiB, 'o/log': 'text' }, 'o/packer-ubuntu'],
    ['an ambiguous suffix', { 'o/a.img': qcow2(), 'o/initrd.img': 'x', 'o/i.iso': qcow2() }, 'o/a.img'],
    ['only a foreign disk', { 'o/disk.vmdk': 'KDMV', 'o/x': '' }, 'o/disk.vmdk'],
    [
      'a descriptor, not its extents',
      { 'o/d.vmdk': 'x', 'o/d-f001.vmdk': qcow2(), 'o/d-s001.vmdk': 'KDMV' },
      'o/d.vmdk',
    ],
    ['no AppleDouble file', { 'o/._disk.raw': 'x', 'o/disk.raw': 512 }, 'o/disk.raw'],
    ['only a compressed disk', { 'o/disk.raw.gz': '\x1f\x8b', 'o/disk.raw.sha256': '' }, 'o/disk.raw.gz'],
  ])('%s', async (_, files, image) => {
    expect(await found(workspace(files), 'o')).toBe(image);
  });

  it('recognizes a disk by its partition table', async () => {
    const root = workspace({
      'o/vmlinuz': mbr([{ type: 1, start: 13, count: 65535 }]),
      'o/fat': mbr([]),
      'o/hybrid': mbr([{ type: 23, start: 0, count: 1 }]),
    });
    await write(join(root, 'o/ubuntu-22.04'), 8 * MiB, gpt({ size: 8 * MiB, types: [EFI] }));
    expect(await found(root, 'o')).toBe('o/ubuntu-22.04');
  });

  it('counts several links to an image as one', async () => {
    const root = workspace({ 'o/disk.raw': 512 });
    symlinkSync('disk.raw', join(root, 'o/latest.raw'));
    symlinkSync('nowhere', join(root, 'o/broken.raw'));
    expect(await found(root, 'o')).toMatch(/^o\/(disk|latest).raw$/);
  });

  it('with several images gives an error with the names of at most ten', async () => {
    const two = workspace({ 'o/a.raw': 1, 'o/b.vhd': 1 });
    expect(await refusal(two, 'o')).toBe(
      '2 disk images in o, but only one can be imported. Set path to one of: WS/o/a.raw, WS/o/b.vhd',
    );
    const many = workspace(Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`o/${n}.raw`, 1])));
    expect(await refusal(many, 'o')).toMatch(/^12 disk images .* and 2 more$/);
  });

  it('without an image gives an error with the names of its files', async () => {
    expect(await refusal(workspace({ 'o/disk.raw.sha256': 'x' }), 'o')).toMatch(
      /No disk image .* Found: WS\/o\/disk.raw.sha256/,
    );
    const root = scratch();
    mkdirSync(join(root, 'o'));
    expect(await refusal(root, 'o')).toMatch(/Found: nothing/);
  });
});

describe('a glob', () => {
  const files = { 'a/disk.raw': 1, 'a/disk.json': '{}', 'b/c/disk.vhd': 1, 'output-x/packer-x': qcow2() };
  test.each([
    ['a/*', 'a/disk.raw'],
    ['**/*.vhd', 'b/c/disk.vhd'],
    ['{a,z}/*.{raw,vhd}', 'a/disk.raw'],
    ['output-*', 'output-x/packer-x'],
    ['./output-?/**', 'output-x/packer-x'],
  ])('%s', async (pattern, image) => {
    expect(await found(workspace(files), pattern)).toBe(image);
  });

  it('with several or no matches is refused', async () => {
    expect(await refusal(workspace(files), '**/disk.*')).toMatch(/^2 disk images in '\*\*\/disk\.\*'/);
    expect(await refusal(workspace(files), '*.raw')).toMatch(/^No file, directory or match for '\*\.raw'/);
    expect(await refusal(workspace(files), '[')).toMatch(/^No file, directory or match/);
  });
});

describe('a Packer manifest', () => {
  const manifest = (...builds: [string, Record<string, number>, string?][]) =>
    JSON.stringify({
      builds: builds.map(([name, files, run = 'last']) => ({
        name,
        packer_run_uuid: run,
        files: Object.entries(files).map(([file, size]) => ({ name: file, size })),
      })),
      last_run_uuid: 'last',
    });

  test.each<[string, string, Record<string, number | string | Buffer>, string]>([
    [
      'the first raw or vhd',
      manifest(['a', { 'o/x.qcow2': 1, 'o/d.vhd': 2, 'o/d.raw': 3 }]),
      { 'o/d.vhd': 2 },
      'o/d.vhd',
    ],
    ['else qcow2', manifest(['a', { 'o/x.sha256': 1, 'o/d.qcow2': 2 }]), { 'o/d.qcow2': 2 }, 'o/d.qcow2'],
    ['else a disk', manifest(['a', { 'o/efivars.fd': 1, 'o/d': 262144 }]), { 'o/d': qcow2() }, 'o/d'],
    [
      'only the last run',
      manifest(['a', { 'o/old.raw': 1 }, 'first'], ['a', { 'o/d.raw': 2 }]),
      { 'o/d.raw': 2, 'o/old.raw': 1 },
      'o/d.raw',
    ],
    [
      'builds without image',
      manifest(['text', { 'o/t.txt': 1 }], ['a', { 'o/d.raw': 2 }]),
      { 'o/d.raw': 2, 'o/t.txt': 1 },
      'o/d.raw',
    ],
    [
      'one image of two builds',
      manifest(['a', { 'o/d.raw': 2 }], ['b', { './o/d.raw': 2 }]),
      { 'o/d.raw': 2 },
      'o/d.raw',
    ],
    ['names relative to itself', manifest(['a', { 'o/d.raw': 2 }]), { 'p/o/d.raw': 2 }, 'p/o/d.raw'],
  ])('%s', async (_, text, files, image) => {
    expect(await found(workspace({ ...files, 'p/manifest.json': text }), 'p/manifest.json')).toBe(image);
  });

  it('as Packer wrote it', async () => {
    const text = readFileSync(join(import.meta.dirname, 'packer-manifest.json'), 'utf8');
    const root = workspace({ 'output/hello.txt': 'hello', 'output-qemu/disk.raw.sha256': 'ab', 'm.json': text });
    mkdirSync(join(root, 'output-qemu'), { recursive: true });
    await write(join(root, 'output-qemu/disk.raw'), 64 * MiB, []);
    expect(await found(root, 'm.json')).toBe('output-qemu/disk.raw');
  });

  it('cannot name a file outside of the workspace, not even through a link', async () => {
    const outside = workspace({ 'd.raw': 2 });
    const named = workspace({ 'm.json': manifest(['a', { [join(outside, 'd.raw')]: 2 }]) });
    expect(await refusal(named, 'm.json')).toMatch(/d\.raw, which is outside of WS/);
    const linked = workspace({ 'm.json': manifest(['a', { 'o/d.raw': 2 }]) });
    symlinkSync(outside, join(linked, 'o'));
    expect(await refusal(linked, 'm.json')).toMatch(/o\/d\.raw, which is outside of WS/);
    const dots = workspace({ '..d.raw': 2, 'm.json': manifest(['a', { '..d.raw': 2 }]) });
    expect(await found(dots, 'm.json')).toBe('..d.raw');
  });

  it('works in a workspace that is a link', async () => {
    const root = workspace({ 'o/d.raw': 2, 'm.json': manifest(['a', { 'o/d.raw': 2 }]) });
    const link = join(scratch(), 'link');
    symlinkSync(root, link);
    expect(await findDisk('m.json', link)).toBe(join(root, 'o/d.raw'));
  });

  test.each<[string, string, RegExp]>([
    [
      'several images',
      manifest(['a', { 'a.raw': 1 }], ['b', { 'b.raw': 1 }]),
      /2 builds have an image.*a: WS\/a.raw, b: WS\/b.raw/,
    ],
    ['no image', manifest(['a', { 'a.txt': 1 }]), /the last Packer build has no disk image, only a.txt/],
    ['a missing image', manifest(['a', { 'c.raw': 1 }]), /names c.raw, which is not in WS/],
    ['another size', manifest(['a', { 'a.raw': 7 }]), /a.raw with 7 bytes, but the file has 1 bytes: it changed/],
    ['no JSON', '{', /not a Packer manifest: it is not JSON/],
    ['other JSON', '[1]', /no builds and last_run_uuid/],
    ['nothing of the last run', manifest(['a', { 'a.raw': 1 }, 'x']), /no build of its last run/],
    [
      'a nameless file',
      '{"builds":[{"packer_run_uuid":"1","files":[{}]}],"last_run_uuid":"1"}',
      /a file has no name or size/,
    ],
    [
      'no files at all',
      '{"builds":[{"packer_run_uuid":"1","files":null}],"last_run_uuid":"1"}',
      /has no disk image, no file/,
    ],
    ['control characters', manifest(['a\n::error::', { 'a.raw': 1 }], ['b', { 'b.raw': 1 }]), /a\\u{a}::error::: WS/],
  ])('with %s is refused', async (_, text, message) => {
    const root = workspace({ 'a.raw': 1, 'b.raw': 1, 'a.txt': 'x', 'm.json': text });
    expect(await refusal(root, 'm.json')).toMatch(message);
  });

  it('of more than 8 MiB is refused without reading it', async () => {
    const root = scratch();
    await write(join(root, 'm.json'), 9 * MiB, []);
    expect(await refusal(root, 'm.json')).toMatch(/more than 8 MiB/);
  });
});
