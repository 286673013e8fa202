import { expect, test } from 'vitest';
import { Crc64, combine } from '../../simulator/crc64.ts';
import { openScene, pseudoRandom, requests, writeDisk } from '../support/scene.ts';

const GIB = 1024 ** 3;
const SIZE = 6 * GIB;
const PIECES: [offset: number, bytes: Buffer][] = [
  [0, pseudoRandom(1_000_000, 1)],
  [3 * GIB + 12_345, pseudoRandom(2_000_000, 2)],
  [5 * GIB + 1, pseudoRandom(3_000_000, 3)],
  [SIZE - 4096, pseudoRandom(4096, 4)],
];

function crcOf(bytes: Buffer): bigint {
  const crc = new Crc64();
  crc.update(bytes);
  return crc.digest();
}

/** The checksum of this many zeros, by doubling. */
function crcOfZeros(length: number): bigint {
  let all = crcOf(Buffer.alloc(0));
  let run = crcOf(Buffer.alloc(1));
  for (let size = 1; size <= length; size *= 2) {
    if (Math.floor(length / size) % 2 === 1) all = combine(all, run, size);
    run = combine(run, run, size);
  }
  return all;
}

/** The checksum of the file, computed from what was written into it. */
function crcOfFile(): bigint {
  let at = 0;
  let crc = crcOf(Buffer.alloc(0));
  for (const [offset, bytes] of PIECES) {
    crc = combine(combine(crc, crcOfZeros(offset - at), offset - at), crcOf(bytes), bytes.length);
    at = offset + bytes.length;
  }
  return crc;
}

test('imports a file of 6 GiB, which is more than one request to OSS can contain', async () => {
  const scene = await openScene({ speed: 5, importSeconds: 5, write: (path) => writeDisk(path, SIZE, PIECES) });
  const { simulator } = scene;
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  expect(simulator.world.images[0]?.disks[0]).toMatchObject({ bytes: SIZE, sizeGiB: 40, crc: crcOfFile() });
  // A few MB are sent; the zeros between them are copied inside the bucket, in at most 10,000 parts in all.
  const travelled = simulator.record.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
  expect(travelled).toBeLessThan(32 * 1024 ** 2);
  expect(simulator.record.length).toBeLessThan(10_000);
  expect(requests(scene, 'oss:UploadPartCopy').length).toBeGreaterThan(0);
  expect(simulator.record.filter(({ violation }) => violation)).toEqual([]);
}, 180_000);
