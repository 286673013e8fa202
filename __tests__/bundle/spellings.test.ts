import { expect, test } from 'vitest';
import { inParallel } from '../support/kill.ts';
import { openOddProxy, type OddProxy } from '../support/odd-proxy.ts';
import { makeScene, openScene, requests } from '../support/scene.ts';
import { all, SPELLINGS, spelled } from '../support/spellings.ts';

const FRIEND = '1234567890123456';
/** Spellings that change different answers, or different parts of one, share a run. */
const TOGETHER = [
  ['sparse JSON', 'layout', 'bare ETag'],
  ['rich JSON', 'CDATA', 'chunked'],
  ['short pages', 'other values', 'entities', 'RequestId in the header'],
  ['XML errors', 'no CRC'],
];
const INPUTS = {
  image_force_delete: 'true',
  image_copy_regions: 'cn-shanghai',
  image_share_account: FRIEND,
  image_encrypted: '',
  skip_clean: 'true',
};

/**
 * Runs three attempts and returns what came of them. The first creates the bucket and uploads, and its Complete is refused.
 * The second resumes the upload and creates the import role, and its import fails. The third reuses the object, replaces the
 * image that holds the name, copies and shares.
 */
async function come(...spellings: string[]) {
  const scene = await makeScene({ importSeconds: 8 });
  const { simulator } = scene;
  const { world, account } = simulator;
  simulator.spelling = all(...spellings.map((name) => spelled(name)));
  world.buckets = [];
  account.roles = [];
  for (const name of ['packer_import', 'other', 'another']) world.addImage(account, name);
  simulator.faults.push({ operation: 'oss:CompleteMultipartUpload', kind: 'error', code: 'AccessDenied', nth: 2 });
  const logs: string[] = [];
  const sent: number[] = [];
  for (const attempt of [1, 2, 3]) {
    const before = requests(scene, 'oss:UploadPart').length;
    if (attempt === 2) world.nextImportFails = { code: 'ImportImageFailed', message: 'It has no kernel.' };
    const stage = { env: { GITHUB_RUN_ATTEMPT: String(attempt) } };
    logs.push((await scene.main(INPUTS, stage)).log, (await scene.post(INPUTS, stage)).log);
    sent.push(requests(scene, 'oss:UploadPart').length - before);
  }
  const { objects, uploads } = world.bucket('packer') ?? {};
  const [key = ''] = objects?.keys() ?? [];
  const said = logs.join('');
  const result = {
    errors: said.match(/##\[error\][\w:]* failed: \w*/g),
    others: said.match(/^(##\[warning\].*|.* failed \(try.*)$/gm),
    sent,
    same: key !== '' && (await world.sameAsFile('packer', key, scene.disk)),
    images: world.images.map(({ name, region, status, sharedWith }) => ({ name, region, status, sharedWith })),
    roles: account.roles.map(({ name, policies }) => [name, policies.map((policy) => policy.name)]),
    left: [objects?.size, uploads?.size],
    violations: simulator.record.flatMap(({ violation }) => violation ?? []),
  };
  await scene.close();
  return result;
}

test('a run comes to the same result however the answers are spelled', { timeout: 300_000 }, async () => {
  const plain = await come();
  const [parts = 0, ...more] = plain.sent;
  expect(TOGETHER.flat().sort()).toEqual(Object.keys(SPELLINGS).sort());
  expect(parts).toBeGreaterThan(5);
  expect(plain).toMatchObject({ others: null, same: true, left: [1, 0], violations: [] });
  expect([more, plain.errors?.length, plain.images.length]).toEqual([[0, 0], 2, 4]);
  await inParallel(TOGETHER, 2, async (names) => {
    // An object without a checksum cannot be compared with the file, so it is not reused.
    const others = names.includes('no CRC') ? { sent: [parts, 0, parts], left: [2, 0] } : {};
    expect({ names, ...(await come(...names)) }).toEqual({ names, ...plain, ...others });
  });
});

/** What a proxy may do. */
const PROXIES: Record<string, OddProxy> = {
  'listens on IPv6, speaks HTTP/1.0 and sends seven bytes at a time': {
    host: '::1',
    greeting: 'HTTP/1.0 200 OK\r\nVia: x\r\n\r\n',
    pieces: 7,
  },
  'is busy at first': { refusals: ['503 Service Unavailable', '502 Bad Gateway', '504 Gateway Time-out'] },
  'resets a connection that is used again after a pause': { forgets: 3_000 },
};

test.each(Object.entries(PROXIES))('a run passes through a proxy that %s', { timeout: 60_000 }, async (_, ways) => {
  const scene = await openScene({ importSeconds: 8 });
  const HTTPS_PROXY = await openOddProxy(scene.simulator, ways);
  const main = await scene.main({}, { env: { HTTPS_PROXY } });
  expect(main.conclusion, main.log).toBe('success');
  expect(main.log.match(/^.*failed \(try [4-9].*$/gm)).toBeNull();
  expect(scene.simulator.world.bucket('packer')?.objects.size).toBe(0);
});
