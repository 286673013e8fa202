import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import { pseudoRandom, writeDisk } from '../support/scene.ts';
import {
  inChild,
  isFile,
  KEY,
  MIB,
  openFile,
  openFragments,
  openLab,
  sent,
  staging,
  type Lab,
  type Piece,
} from './lab.ts';
import { upload } from '../../src/oss/upload.ts';

const UPLOAD_PART = 'oss:UploadPart';

/** Runs the upload of a small disk of 8 parts while time runs `speed` times as fast. */
async function run(lab: Lab, faults: Fault[], speed: number, env = {}) {
  const path = join(lab.directory, 'disk');
  await writeDisk(path, 4 * MIB, [[0, pseudoRandom(4 * MIB, 1)]]);
  lab.simulator.faults.push(...faults);
  const result = await inChild(lab, { path }, { speed, env });
  return { path, ...result };
}

describe('a stalled part is sent again', () => {
  // The 30 s of a stall take two.
  const speed = 15;

  it.each<[string, Fault]>([
    ['before its body', { operation: UPLOAD_PART, kind: 'stall', nth: 2, times: 3 }],
    ['in the middle', { operation: UPLOAD_PART, kind: 'stall', bytes: 200_000, seconds: 300, nth: 2, times: 3 }],
    ['after its last byte', { operation: UPLOAD_PART, kind: 'stall', when: 'after', nth: 2, times: 3 }],
  ])('%s', async (_, fault) => {
    const lab = await openLab({ speed });
    const { path, error, lines } = await run(lab, [fault], speed);
    expect(error).toBeUndefined();
    expect(await isFile(lab, path)).toBe(true);
    expect(sent(lab, 'UploadPart').length).toBeGreaterThanOrEqual(8 + 3);
    // 30 s, and up to 30 s more after each time that bytes leave on another connection.
    expect(lines.at(-1)).toMatch(/Stalled: no byte moved for [3-9]\d s/);
  });

  it('behind a proxy that accepts connections and does not answer', async () => {
    const lab = await openLab({ speed });
    const target = Number(new URL(lab.simulator.proxy).port);
    const silent: Socket[] = [];
    let connections = 0;
    const proxy = createServer((socket) => {
      socket.on('error', () => undefined);
      connections += 1;
      if (connections > 2 && connections < 6) {
        silent.push(socket);
        return;
      }
      const on = connect(target, '127.0.0.1').on('error', () => undefined);
      socket.pipe(on).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    lab.simulator.after = ({ operation, key }) => {
      if (operation === 'oss:CompleteMultipartUpload' && key === KEY) for (const socket of silent) socket.destroy();
    };
    const { port } = proxy.address() as AddressInfo;
    const { path, error, lines } = await run(lab, [], speed, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(error).toBeUndefined();
    expect(silent).toHaveLength(3);
    expect(await isFile(lab, path)).toBe(true);
    expect(lines.at(-1)).toContain('Stalled');
  });
});

it('resets and HTML pages before, in and after the body are survived', async () => {
  const lab = await openLab({ speed: 15 });
  const faults: Fault[] = [
    { operation: UPLOAD_PART, kind: 'reset', nth: 1, times: 3 },
    { operation: UPLOAD_PART, kind: 'reset', bytes: 1, nth: 4, times: 3 },
    { operation: UPLOAD_PART, kind: 'reset', bytes: 400_000, nth: 7, times: 3 },
    { operation: UPLOAD_PART, kind: 'reset', when: 'after', nth: 10, times: 3 },
    { operation: UPLOAD_PART, kind: 'html', nth: 13, times: 2 },
    { operation: UPLOAD_PART, kind: 'html', status: 200, nth: 15, times: 2 },
  ];
  const { path, error, lines } = await run(lab, faults, 15);
  expect(error).toBeUndefined();
  expect(await isFile(lab, path)).toBe(true);
  expect(sent(lab, 'UploadPart').length).toBeGreaterThanOrEqual(8 + 16);
  expect(lines.at(-1)).toMatch(/, \d+ retries/);
});

it('many 503: fewer parts at a time', async () => {
  const speed = 60;
  const lab = await openLab({ speed });
  const storm: Fault = { operation: UPLOAD_PART, kind: 'throttling', retryAfter: 2 };
  lab.simulator.faults.push(storm);
  const path = join(lab.directory, 'disk');
  await openFragments(path, 400);
  // Holds requests until no more come, to count how many there are at a time.
  const waves: number[] = [];
  let calm = 0;
  let held: (() => void)[] = [];
  const letGo = () => {
    waves.push(held.length);
    if (calm === 0 && waves.length > 5 && waves.slice(-3).every((wave) => wave <= 5)) {
      lab.simulator.faults.splice(0);
      calm = waves.length;
    }
    for (const release of held) release();
    held = [];
  };
  let timer = setTimeout(() => undefined, 0);
  lab.simulator.before = async ({ operation }) => {
    if (operation !== UPLOAD_PART) return;
    clearTimeout(timer);
    timer = setTimeout(letGo, 100);
    await new Promise<void>((resolve) => held.push(resolve));
  };
  const { error, lines } = await inChild(lab, { path }, { speed });
  expect(error).toBeUndefined();
  expect(await isFile(lab, path)).toBe(true);
  // The faults end only when five or fewer requests come at a time.
  expect(calm).toBeGreaterThan(1);
  // On a busy machine, a wave can come in several pieces; the first one is 16 parts.
  expect(sent(lab, 'UploadPart').filter(({ status }) => status === 503).length).toBeGreaterThan(16);
  expect(lines.at(-1)).toMatch(/, \d+ retries/);
});

it('more parts are under way after the first wave, also if all others are already waiting', async () => {
  const lab = await openLab();
  // A file of this size begins with 16 parts.
  const [size, width] = [2048 * MIB, 16];
  const pieces = Array.from({ length: 100 }, (_, at): Piece => [at * 1.125 * MIB, pseudoRandom(MIB / 8, at + 1)]);
  const source = await openFile(join(lab.directory, 'disk'), size, pieces);
  const extents = pieces.map(([offset, { length }]) => ({ offset, length }));
  let requests = 0;
  let most = 0;
  const held = new Set<() => void>();
  lab.simulator.before = async ({ operation }) => {
    if (operation !== UPLOAD_PART || most > width) return;
    requests += 1;
    if (requests <= width) {
      // By the end of the first wave, the whole file has been read.
      await pause(2_000);
      return;
    }
    await new Promise<void>((resolve) => {
      held.add(resolve);
      most = Math.max(most, held.size);
      if (most > width) for (const release of held) release();
      setTimeout(() => {
        held.delete(resolve);
        resolve();
      }, 3_000);
    });
  };
  await upload(lab.oss, { ...source, extents }, staging());
  expect(most).toBeGreaterThan(width);
});

describe('the upload gives up only after 15 minutes without an accepted part', () => {
  const MINUTES = 60_000;

  /** Minutes from the last accepted part, or the first request, until now. */
  function patience(lab: Lab): number {
    const parts = sent(lab, 'UploadPart');
    const begun = parts.findLast(({ status }) => status === 200)?.at ?? parts[0]?.at ?? 0;
    return (lab.simulator.now() - begun) / MINUTES;
  }

  // At this speed, a pause of a busy machine can look like a stall, so the last reason is not checked.
  it.each<[string, Fault, RegExp]>([
    ['resets', { operation: UPLOAD_PART, kind: 'reset' }, /\(0 % of/],
    ['no answer', { operation: UPLOAD_PART, kind: 'stall' }, /\(0 % of/],
    ['503', { operation: UPLOAD_PART, kind: 'status-503' }, /\(0 % of/],
    ['resets half-way', { operation: UPLOAD_PART, kind: 'reset', nth: 5, times: 1e9 }, /\(\d+ % of/],
  ])('%s', async (_, fault, text) => {
    const speed = 600;
    const lab = await openLab({ speed });
    const { error } = await run(lab, [fault], speed);
    expect(error?.code).toBe('UploadGaveUp');
    expect(error?.message).toMatch(/^no part was accepted for 15 minutes; last: \w+: .* of 4\.0 MiB was uploaded\)$/);
    expect(error?.message).toMatch(text);
    // The first request arrives some steps of the clock after the upload began, and a step is six seconds.
    expect(patience(lab)).toBeGreaterThan(14.7);
    expect(lab.simulator.world.object('packer', KEY)).toBeUndefined();
  });

  it('also if Complete keeps failing', async () => {
    const speed = 600;
    const lab = await openLab({ speed });
    const { error } = await run(lab, [{ operation: 'oss:CompleteMultipartUpload', kind: 'reset' }], speed);
    expect(error?.code).toBe('UploadGaveUp');
    const at = sent(lab, 'CompleteMultipartUpload').map((request) => request.at);
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(14 * MINUTES);
  });
});
