import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import { has, sh } from '../disk/build.ts';
import { pseudoRandom, writeDisk } from '../support/scene.ts';
import { GIB, inChild, KEY, MIB, openLab, sent, type Lab, type Piece } from './lab.ts';

const python3 = has('python3') ? { python3: sh('/', 'command -v python3').trim() } : {};
/** Firm goal of the upload, MiB. */
const MOST_MEMORY = 210;

/** Uploads a disk in a process with a small heap and compares the checksum of the object with the file's. */
async function run(lab: Lab, size: number, pieces: Piece[], faults: Fault[] = [], speed?: number) {
  const path = join(lab.directory, 'disk');
  await writeDisk(path, size, pieces);
  lab.simulator.faults.push(...faults);
  const job = { path, ...python3 };
  const fast = speed === undefined ? {} : { speed };
  const { staged, error, rss, delay, lines } = await inChild(lab, job, {
    ...fast,
    nodeOptions: '--max-old-space-size=64',
  });
  expect(error).toBeUndefined();
  const object = lab.simulator.world.object('packer', KEY);
  expect(staged).toMatchObject({ size: object?.size, crc64: String(object?.crc) });
  expect(staged?.sent).toBeLessThanOrEqual(size);
  expect(rss).toBeLessThanOrEqual(MOST_MEMORY);
  const wire = sent(lab, 'UploadPart').reduce((sum, { bytesIn }) => sum + bytesIn, 0);
  if (process.env.FIGURES !== undefined) console.log({ rss, delay, wire, last: lines.at(-1) });
}

/** `count` runs of data, evenly spread. */
const spread = (size: number, count: number, length: number): Piece[] =>
  Array.from({ length: count }, (_, at): Piece => [
    Math.floor((at * size) / count / MIB) * MIB,
    pseudoRandom(length, at + 1),
  ]);

describe('memory stays below 210 MiB with a heap of 64 MiB', () => {
  it('for a sparse disk of 128 GiB with thousands of slow copies', async () => {
    const lab = await openLab();
    lab.simulator.before = async ({ operation }) => {
      if (operation === 'oss:UploadPartCopy') await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await run(lab, 128 * GIB, spread(128 * GIB, 60, 2 * MIB));
  });

  it('for a disk without zeros, all connections busy, hundreds of tries failing in the middle', async () => {
    const lab = await openLab({ speed: 20 });
    const faults: Fault[] = [2, 3, 5].map((nth) => ({
      operation: 'oss:UploadPart',
      kind: 'reset',
      bytes: nth * 100_000,
      nth: nth * 100,
      times: 60,
    }));
    await run(lab, 256 * MIB, [[0, pseudoRandom(256 * MIB, 1)]], faults, 20);
    expect(sent(lab, 'UploadPart').filter(({ fault }) => fault === 'reset')).toHaveLength(180);
  });

  it('for a service that reads slowly', async () => {
    const lab = await openLab();
    await run(
      lab,
      256 * MIB,
      [[0, pseudoRandom(192 * MIB, 1)]],
      [{ operation: 'oss:UploadPart', kind: 'slow', bytesPerSecond: MIB }],
    );
  });
});
