import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { MiB, scratch } from '../build.ts';
import { DISK, hasTools, made, openPacked, refused } from './unpack.ts';

describe.skipIf(!hasTools)('no header makes qemu-img read a file outside of the workspace', () => {
  const descriptor = (extent: string, more = '') => `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="monolithicFlat"
${more}
${extent}
ddb.adapterType = "ide"
`;

  test.each([
    ['RW 1 FLAT "/etc/passwd" 0', /outside/],
    ['RW 1 FLAT "../../../../../../etc/passwd" 0', /outside/],
    ['RW\n1 FLAT "/etc/passwd" 0', /outside/],
    ['RW 1 FLAT "json:{\\"driver\\":\\"file\\"}" 0', /not a plain file name/],
    ['RW 1 FLAT "nbd://localhost/x" 0', /not a plain file name/],
    ['RW 1 FLAT "link" 0', /outside/],
    ['RW 1 SPARSE "inner" 0', /further files/],
    ['RW 1 FLAT "/dev/zero" 0', /outside/],
    ['parentFileNameHint="/etc/passwd"', /differences from a parent/],
  ])('VMDK: %s', async (extent, message) => {
    const folder = made('ln -s /etc/passwd link');
    writeFileSync(join(folder, 'd.vmdk'), descriptor(extent));
    writeFileSync(join(folder, 'inner'), descriptor('RW 1 FLAT "/etc/passwd" 0'));
    expect(await refused(folder, 'd.vmdk')).toMatch(message);
  });

  const kdmv = (...numbers: [offset: number, value: bigint][]) => {
    const header = Buffer.alloc(512);
    header.write('KDMV');
    header.writeUInt32LE(1, 4);
    for (const [offset, value] of [...numbers, [20, 128n], [44, 512n]] as const)
      if (offset === 44) header.writeUInt32LE(Number(value), offset);
      else header.writeBigUInt64LE(value, offset);
    return header;
  };
  const SECRET = 'RW 1 FLAT "/etc/passwd" 0';

  test.each([
    ['that is longer than the header says', kdmv([28, 1n], [36, 0n])],
    ['at an offset of more than 64 bits', kdmv([28, 2n ** 55n + 1n], [36, 1n])],
  ])('VMDK with a descriptor %s', async (_, header) => {
    const folder = scratch();
    writeFileSync(join(folder, 'd.vmdk'), Buffer.concat([header, Buffer.from(descriptor(SECRET).padEnd(65536, '\0'))]));
    expect(await refused(folder, 'd.vmdk')).toMatch(/has no capacity/);
  });

  it('VMDK with a parent at the offset where qemu-img looks for it', async () => {
    const folder = made('qemu-img create -q -f vmdk d.vmdk 8M');
    const handle = await open(join(folder, 'd.vmdk'), 'r+');
    const text = Buffer.from(descriptor('', 'parentFileNameHint="/etc/passwd"'));
    await handle.write(text, 0, text.length, 512);
    await handle.write(Buffer.from([0, 0, 1]), 0, 3, 28);
    await handle.close();
    expect(await refused(folder, 'd.vmdk')).toMatch(/differences from a parent/);
  });

  it('VMDK through a link to the descriptor or to a folder', async () => {
    const folder = made(`mkdir a b; ln -s b/d.vmdk d.vmdk; ln -s /etc/passwd x; ${DISK}; mv disk.raw b/x
      ln -s /etc/ssl a/link; cp b/x a/passwd`);
    writeFileSync(join(folder, 'b/d.vmdk'), descriptor('RW 16384 FLAT "x" 0'));
    writeFileSync(join(folder, 'a/d.vmdk'), descriptor('RW 16384 FLAT "link/../passwd" 0'));
    const disk = await openPacked(folder, 'd.vmdk');
    expect(readFileSync(disk.path).equals(readFileSync(join(folder, 'b/x')))).toBe(true);
    expect(await refused(folder, 'a/d.vmdk')).toMatch(/outside/);
  });

  it('and no guest of a RAW disk changes the format', async () => {
    const folder = made(`qemu-img create -q -u -f qcow2 -o backing_file=victim,backing_fmt=raw evil 1M
      truncate -s 1M victim base.raw; dd if=evil of=base.raw conv=notrunc status=none
      qemu-img create -q -f qcow2 -b base.raw -F raw d.qcow2; qemu-img convert -f raw -O vdi base.raw d.vdi`);
    for (const name of ['d.qcow2', 'd.vdi'])
      expect(await refused(folder, name)).toMatch(/format is RAW, but the content is QCOW2/);
  });

  test.each([
    ['json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}}', /not a plain file name/],
    ['/etc/passwd', /outside/],
    ['nbd:localhost:10809', /not a plain file name/],
    ['missing', /does not exist/],
  ])('QCOW2 on %s', async (name, message) => {
    const folder = scratch();
    const option = `backing_file=${name.replaceAll(',', ',,')},backing_fmt=raw`;
    execFileSync('qemu-img', ['create', '-q', '-u', '-f', 'qcow2', '-o', option, join(folder, 'd.qcow2'), '8M']);
    expect(await refused(folder, 'd.qcow2')).toMatch(message);
  });

  it('nor beside a disk from an archive', async () => {
    const folder = made(`${DISK}; qemu-img create -q -f qcow2 -b disk.raw -F raw d.qcow2; gzip d.qcow2
      qemu-img convert -O vmdk -o subformat=monolithicFlat disk.raw e.vmdk; tar -cf e.ova e.vmdk`);
    for (const name of ['d.qcow2.gz', 'e.ova']) expect(await refused(folder, name)).toMatch(/complete in one file/);
  });

  it('and a name like an option is a name', async () => {
    const folder = made(
      `${DISK}; qemu-img convert -O vdi disk.raw file:--help.vdi; cp ./--help.vdi "$(printf 'a\\n:b,c')"`,
    );
    for (const name of ['--help.vdi', 'a\n:b,c']) expect((await openPacked(folder, name)).virtualSize).toBe(8 * MiB);
  });
});
