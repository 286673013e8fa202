import { expect, test } from 'vitest';
import { inParallel } from '../support/kill.ts';
import { openLine, type Line } from '../support/lines.ts';
import { makeScene, openScene, requests } from '../support/scene.ts';
import { SPELLINGS } from '../support/spellings.ts';

const FRIEND = '1234567890123456';
const INPUTS = {
  image_force_delete: 'true',
  image_copy_regions: 'cn-shanghai',
  image_share_account: FRIEND,
  image_encrypted: '',
  skip_clean: 'true',
};

/**
 * Two attempts: the first one makes the bucket, uploads and is refused at the end; the second one resumes, makes the import
 * role, replaces the image that holds the name, copies and shares.
 */
async function come(spelling: keyof typeof SPELLINGS | undefined): Promise<object> {
  const scene = await makeScene({ importSeconds: 8 });
  const { simulator } = scene;
  const { world, account } = simulator;
  simulator.spelling = spelling === undefined ? undefined : SPELLINGS[spelling]?.();
  world.buckets = [];
  account.roles = [];
  for (const name of ['packer_import', 'other', 'another']) world.addImage(account, name);
  simulator.faults.push({ operation: 'oss:CompleteMultipartUpload', kind: 'error', code: 'AccessDenied', nth: 2 });
  const first = await scene.main(INPUTS);
  const post = await scene.post(INPUTS);
  const parts = requests(scene, 'oss:UploadPart').length;
  const second = await scene.main(INPUTS, { env: { GITHUB_RUN_ATTEMPT: '2' } });
  const [key = ''] = world.bucket('packer')?.objects.keys() ?? [];
  const result = {
    first: /##\[error\][\w:]* failed: \w*/.exec(first.log)?.[0],
    post: post.log.includes('warning') ? post.log : 'quiet',
    second: second.conclusion === 'success' ? 'success' : second.log,
    sentAgain: requests(scene, 'oss:UploadPart').length - parts,
    same: key !== '' && (await world.sameAsFile('packer', key, scene.disk)),
    images: world.images.map(({ name, region, status, sharedWith }) => ({ name, region, status, sharedWith })),
    roles: account.roles.map(({ name, policies }) => [name, policies.map((policy) => policy.name)]),
    uploads: world.bucket('packer')?.uploads.size,
    objects: world.bucket('packer')?.objects.size,
    violations: simulator.record.filter(({ violation }) => violation).map(({ violation }) => violation),
    // The import role needs a moment to be seen; nothing else may fail for a while.
    retried: (first.log + second.log).match(/^.* failed \(try.*$/gm),
  };
  await scene.close();
  return result;
}

test('a run comes to the same result however the answers are spelled', { timeout: 300_000 }, async () => {
  const plain = await come(undefined);
  expect(plain).toMatchObject({ post: 'quiet', second: 'success', same: true });
  const others: Record<string, object> = {};
  const wanted = Object.keys(SPELLINGS).filter((name) => new RegExp(process.env.ONLY ?? '').test(name));
  await inParallel(wanted, 2, async (name) => {
    others[name] = await come(name);
  });
  expect(others).toEqual(Object.fromEntries(Object.keys(others).map((name) => [name, plain])));
});

/** Proxies that are in order, and odd. */
const LINES: Record<string, Line> = {
  'on IPv6, of HTTP/1.0, sends little at a time': {
    host: '::1',
    greeting: 'HTTP/1.0 200 OK\r\nVia: x\r\n\r\n',
    pieces: 7,
  },
  'is busy at first': { refusals: ['503 Service Unavailable', '502 Bad Gateway', '504 Gateway Time-out'] },
  'resets what was idle when it is used again': { forgets: 40 },
};

test.each(Object.entries(LINES))('a run passes through a proxy that %s', { timeout: 60_000 }, async (_, line) => {
  const scene = await openScene({ importSeconds: 8 });
  const HTTPS_PROXY = await openLine(scene.simulator.proxy, line);
  const main = await scene.main({}, { env: { HTTPS_PROXY } });
  expect(main.conclusion, main.log).toBe('success');
  expect(main.log.match(/^.*failed \(try [4-9].*$/gm)).toBeNull();
  expect(scene.simulator.world.bucket('packer')?.objects.size).toBe(0);
});
