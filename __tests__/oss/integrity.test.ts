import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fault, RecordedRequest } from '../../simulator/index.ts';
import { pseudoRandom } from '../support/scene.ts';
import {
  counts,
  gather,
  isFile,
  KEY,
  MIB,
  openClient,
  openFile,
  openLab,
  sent,
  staging,
  type Lab,
  type Piece,
} from './lab.ts';
import type { Staging } from '../../src/oss/staging.ts';
import { upload } from '../../src/oss/upload.ts';

/** Uploads 24 MiB with 20 parts of data and 14 MiB of zeros. */
async function stage(lab: Lab, faults: Fault[], some: Partial<Staging> = {}) {
  const path = join(lab.directory, 'disk');
  const pieces: Piece[] = [
    [0, pseudoRandom(5 * MIB, 1)],
    [19 * MIB, pseudoRandom(5 * MIB, 2)],
  ];
  const source = await openFile(path, 24 * MIB, pieces);
  lab.simulator.faults.push(...faults);
  const staged = upload(lab.oss, source, staging(some));
  return { path, staged };
}

const uploads = (lab: Lab) => [...(lab.simulator.world.bucket('packer')?.uploads.values() ?? [])];

describe('a part that arrives damaged is sent again', () => {
  it.each([
    ['one part', { nth: 3 }, 1],
    ['ten parts', { nth: 1, times: 10 }, 10],
  ])('%s', async (_, hits, again) => {
    const lab = await openLab();
    const { path, staged } = await stage(lab, [{ operation: 'oss:UploadPart', kind: 'corrupt', ...hits }]);
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    expect(counts(lab).UploadPart).toBe(20 + again);
    expect(lab.lines.at(-1)).toContain(`, ${again} retr`);
    expect(lab.lines.at(-1)).toContain('IntegrityMismatch: part ');
  });

  it('a zero object that is not all zeros is not used', async () => {
    const lab = await openLab();
    const { path, staged } = await stage(lab, [{ operation: 'oss:PutObject', kind: 'corrupt', nth: 1, times: 1000 }]);
    // The service refuses the damaged seed because of its Content-MD5.
    await staged;
    expect(await isFile(lab, path)).toBe(true);
  });

  it('an object that is not the file is an error', async () => {
    const lab = await openLab();
    // Other content replaces the parts before Complete, under the same ETags.
    lab.simulator.before = ({ operation, key }: RecordedRequest) => {
      if (operation !== 'oss:CompleteMultipartUpload' || key !== KEY) return;
      for (const part of uploads(lab)[0]?.parts.values() ?? []) part.crc ^= 1n;
    };
    const { staged } = await stage(lab, []);
    await expect(staged).rejects.toMatchObject({ code: 'IntegrityMismatch' });
  });
});

describe('Complete', () => {
  const complete = 'oss:CompleteMultipartUpload';
  // The first Complete is that of the zero object.
  const cases: [string, Fault, number][] = [
    ['whose answer is lost', { operation: complete, kind: 'reset', when: 'after', nth: 2 }, 3],
    ['whose answer is cut off', { operation: complete, kind: 'truncated', nth: 2 }, 3],
    [
      'that answers 200 and an error',
      { operation: complete, kind: 'error', code: 'InternalError', status: 200, nth: 2 },
      3,
    ],
    ['that answers 200 and other XML', { operation: complete, kind: 'wrong-shape', nth: 2 }, 3],
    ['that meets a proxy', { operation: complete, kind: 'html', nth: 2 }, 3],
    ['that fails', { operation: complete, kind: 'status-500', nth: 2, times: 3 }, 5],
    ['of the zero object whose answer is lost', { operation: complete, kind: 'reset', when: 'after', nth: 1 }, 3],
  ];
  it.each(cases)('%s', async (_, fault, completes) => {
    const lab = await openLab({ speed: 5 });
    const { path, staged } = await stage(lab, [fault]);
    const { etag, crc64 } = await staged;
    const object = lab.simulator.world.object('packer', KEY);
    expect({ etag, crc64 }).toEqual({ etag: object?.etag, crc64: String(object?.crc) });
    expect(await isFile(lab, path)).toBe(true);
    expect(counts(lab)).toMatchObject({ UploadPart: 20, CompleteMultipartUpload: completes });
    expect(uploads(lab)).toEqual([]);
  });

  it('whose answer is lost, without the right to read the object: nothing is sent again', async () => {
    const lab = await openLab({ speed: 5 });
    const rights = ['oss:PutObject', 'oss:ListParts', 'oss:DeleteObject'];
    const statement = { Effect: 'Allow', Action: rights, Resource: '*' } as const;
    const { oss } = openClient(lab.simulator, lab.simulator.world.addUser(lab.simulator.account, 'poor', [statement]));
    const { path, staged } = await stage({ ...lab, oss }, [
      { operation: complete, kind: 'reset', when: 'after', nth: 1 },
    ]);
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    expect(sent(lab, 'InitiateMultipartUpload').filter(({ key }) => key === KEY)).toHaveLength(1);
    // The run of zeros is two parts.
    expect(counts(lab)).toMatchObject({ UploadPart: 20 + 2, CompleteMultipartUpload: 2 });
  });

  it('does not touch a foreign object that appeared under the key', async () => {
    const lab = await openLab();
    await lab.simulator.world.putObject('packer', KEY, Buffer.from('theirs'));
    lab.simulator.world.bucket('packer')?.objects.get(KEY)?.splice(0);
    const { staged } = await stage(lab, []);
    lab.simulator.before = async ({ operation, key }) => {
      if (operation === complete && key === KEY)
        await lab.simulator.world.putObject('packer', KEY, Buffer.from('theirs'));
    };
    await expect(staged).rejects.toMatchObject({ code: 'FileAlreadyExists' });
    const there = await gather(lab.simulator.world.readObject('packer', KEY));
    expect(Buffer.concat(there).toString()).toBe('theirs');
  });
});

describe('while the upload runs', () => {
  /** Calls `act` once, before the Complete of the object. */
  const beforeComplete = (lab: Lab, act: () => void) => {
    let done = false;
    lab.simulator.before = ({ operation, key }) => {
      if (done || operation !== 'oss:CompleteMultipartUpload' || key !== KEY) return;
      done = true;
      act();
    };
  };

  it('parts that were deleted are sent again, and only those', async () => {
    const lab = await openLab();
    beforeComplete(lab, () => {
      for (const number of [2, 7, 11]) uploads(lab)[0]?.parts.delete(number);
    });
    const { path, staged } = await stage(lab, []);
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    // Part 11 is the run of zeros.
    expect(counts(lab)).toMatchObject({ UploadPart: 22, InitiateMultipartUpload: 3, ListParts: 1 });
    expect(lab.lines).toContain('The bucket lacks parts (InvalidPart); sending them again.');
  });

  it('an upload that was aborted before Complete is begun again', async () => {
    const lab = await openLab();
    beforeComplete(lab, () => lab.simulator.world.bucket('packer')?.uploads.clear());
    const ids: string[] = [];
    const { path, staged } = await stage(lab, [], { onUpload: (_, id) => id !== undefined && ids.push(id) });
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    expect(new Set(ids).size).toBe(2);
    expect(lab.lines).toContain('The unfinished upload no longer exists; starting another.');
  });

  it('an upload that was aborted in the middle is begun again, and no request uses the old one', async () => {
    const lab = await openLab();
    let parts = 0;
    lab.simulator.after = ({ operation }) => {
      if (operation === 'oss:UploadPart' && ++parts === 5) lab.simulator.world.bucket('packer')?.uploads.clear();
    };
    const { path, staged } = await stage(lab, []);
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    const ids = sent(lab, 'UploadPart').map(({ query }) => query?.uploadId);
    expect(new Set(ids).size).toBe(2);
    expect(ids.lastIndexOf(ids[0])).toBeLessThan(ids.indexOf(ids.at(-1)));
  });

  it('an upload that is aborted every time is an error', async () => {
    const lab = await openLab();
    lab.simulator.before = ({ operation, key }) => {
      if (operation === 'oss:CompleteMultipartUpload' && key === KEY) {
        lab.simulator.world.bucket('packer')?.uploads.clear();
      }
    };
    const { staged } = await stage(lab, []);
    await expect(staged).rejects.toMatchObject({ code: 'NoSuchUpload' });
  });
});

describe('the client recovers from', () => {
  it('an expired token and a wrong clock, without losing a part', async () => {
    const lab = await openLab();
    const { path, staged } = await stage(lab, [
      { operation: 'oss:UploadPart', kind: 'expired-token', nth: 2 },
      { operation: 'oss:UploadPart', kind: 'clock-skew', nth: 5 },
    ]);
    await staged;
    expect(await isFile(lab, path)).toBe(true);
    expect(counts(lab).UploadPart).toBe(22);
  });
});
