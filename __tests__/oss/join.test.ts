import { readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pseudoRandom } from '../support/scene.ts';
import { spelled } from '../support/spellings.ts';
import { counts, isFile, KEY, MIB, openFile, openLab, sent, staging, type Lab, type Piece } from './lab.ts';
import { listUploads } from '../../src/oss/objects.ts';
import { upload } from '../../src/oss/upload.ts';

/** Ten parts of data, zeros, ten parts of data. Another `seed` gives other data. */
const pieces = (seed: number): Piece[] => [
  [0, pseudoRandom(5 * MIB, seed)],
  [25 * MIB, pseudoRandom(5 * MIB, seed + 1)],
];
const SIZE = 30 * MIB;
const open = (lab: Lab, seed = 1) => openFile(join(lab.directory, `disk-${seed}`), SIZE, pieces(seed));
/** Resumes the newest unfinished upload, as the run finds it. */
const again = async (lab: Lab) =>
  staging({ unfinished: (await listUploads(lab.oss, KEY)).findLast(({ key }) => key === KEY) });

/** Leaves an unfinished upload behind, by a Complete that is refused. */
async function unfinished(lab: Lab, seed = 1): Promise<void> {
  const source = await open(lab, seed);
  const fault = {
    operation: 'oss:CompleteMultipartUpload',
    kind: 'error',
    code: 'AccessDenied',
    status: 403,
    nth: 2,
  } as const;
  lab.simulator.faults.push(fault);
  await expect(upload(lab.oss, source, staging())).rejects.toMatchObject({ code: 'AccessDenied' });
  lab.simulator.record.splice(0);
}

const held = (lab: Lab) => [...(lab.simulator.world.bucket('packer')?.uploads.values() ?? [])];

describe('an unfinished upload', () => {
  it('that holds all parts is completed, and nothing is sent twice', async () => {
    const lab = await openLab();
    await unfinished(lab);
    const source = await open(lab);
    const { sent: bytes } = await upload(lab.oss, source, await again(lab));
    expect(bytes).toBe(0);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
    expect(counts(lab)).toEqual({
      ListMultipartUploads: 1,
      ListParts: 1,
      CompleteMultipartUpload: 1,
    });
    expect(lab.lines.at(-1)).toMatch(/^Uploaded 0\.0 MiB .*, 30\.0 MiB already there\.$/);
  });

  it('is resumed from answers that are printed with white space', async () => {
    const lab = await openLab();
    await unfinished(lab);
    lab.simulator.spelling = spelled('layout');
    expect((await upload(lab.oss, await open(lab), await again(lab))).sent).toBe(0);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });

  it('that lacks some parts is sent only those', async () => {
    const lab = await openLab();
    await unfinished(lab);
    for (const number of [1, 14, 20]) held(lab)[0]?.parts.delete(number);
    const { sent: bytes } = await upload(lab.oss, await open(lab), await again(lab));
    expect(bytes).toBe(1.5 * MIB);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
    expect(
      sent(lab, 'UploadPart')
        .map(({ query }) => Number(query?.partNumber))
        .sort((a, b) => a - b),
    ).toEqual([1, 14, 20]);
  });

  it('is sent the missing parts while the listed ones are still being read', async () => {
    const lab = await openLab();
    await unfinished(lab);
    held(lab)[0]?.parts.delete(20);
    const arrived = new Promise<void>((resolve) => {
      lab.simulator.after = ({ operation }) => {
        if (operation === 'oss:UploadPart') resolve();
      };
    });
    const source = await open(lab);
    // The search for zeros reads 1 MiB at once; the check of the first part reads 512 KiB.
    const read = async (buffer: Buffer, at: number, length: number, offset: number) => {
      if (offset === 0 && length === MIB / 2) await arrived;
      return source.handle.read(buffer, at, length, offset);
    };
    const slow = { ...source, handle: { read } as unknown as FileHandle };
    const { sent: bytes } = await upload(lab.oss, slow, await again(lab));
    expect(bytes).toBe(MIB / 2);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });

  it('whose parts belong to another file of the same layout is sent all of its data', async () => {
    const lab = await openLab();
    await unfinished(lab, 1);
    const { sent: bytes } = await upload(lab.oss, await open(lab, 7), await again(lab));
    expect(bytes).toBe(10 * MIB);
    expect(await isFile(lab, join(lab.directory, 'disk-7'))).toBe(true);
    // The zeros are the same in both.
    expect(counts(lab).UploadPartCopy).toBeUndefined();
  });

  it('with more and other parts than the file has now becomes the file', async () => {
    const lab = await openLab();
    await unfinished(lab);
    const path = join(lab.directory, 'other');
    const source = await openFile(path, 3 * MIB + 5, [
      [0, (await readFile(join(lab.directory, 'disk-1'))).subarray(0, MIB)],
    ]);
    const { sent: bytes } = await upload(lab.oss, source, await again(lab));
    expect(bytes).toBe(2 * MIB + 5);
    expect(await isFile(lab, path)).toBe(true);
  });

  it('with one part that differs from the file is sent this part', async () => {
    const lab = await openLab();
    await unfinished(lab);
    const part = held(lab)[0]?.parts.get(4);
    if (part) part.etag = '"00000000000000000000000000000000"';
    const { sent: bytes } = await upload(lab.oss, await open(lab), await again(lab));
    expect(bytes).toBe(MIB / 2);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });

  it('that vanishes between the list and the parts is begun again', async () => {
    const lab = await openLab();
    await unfinished(lab);
    held(lab)[0]?.parts.delete(3);
    lab.simulator.after = ({ operation }) => {
      if (operation === 'oss:ListParts') lab.simulator.world.bucket('packer')?.uploads.clear();
    };
    const { sent: bytes } = await upload(lab.oss, await open(lab), await again(lab));
    expect(bytes).toBe(10 * MIB);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });

  it('that vanishes before its parts are listed is begun again', async () => {
    const lab = await openLab();
    await unfinished(lab);
    const wanted = await again(lab);
    lab.simulator.world.bucket('packer')?.uploads.clear();
    await upload(lab.oss, await open(lab), wanted);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });

  it('of thousands of parts is listed page by page', async () => {
    const lab = await openLab();
    const { oss } = lab;
    const { uploadId = '' } = await oss.call('oss:InitiateMultipartUpload', (sdk) =>
      sdk.initMultipartUpload(KEY, { headers: {}, mime: 'application/octet-stream' }),
    );
    const zeros = { md5: Buffer.alloc(16), crc: 0n, extents: [], size: 1 };
    const parts = held(lab)[0]?.parts;
    for (let number = 1; number <= 2500; number++) {
      parts?.set(number, { number, ...zeros, etag: '"00"', modified: 0 });
    }
    await upload(oss, await open(lab), await again(lab));
    expect(counts(lab).ListParts).toBe(3);
    expect(sent(lab, 'UploadPart').every(({ query }) => query?.uploadId === uploadId)).toBe(true);
    expect(await isFile(lab, join(lab.directory, 'disk-1'))).toBe(true);
  });
});
