import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StageResult } from '../../runner/job.ts';
import { HEADINGS, actions, attach, documented, features, statements, type Feature } from '../support/features.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

const BASE = actions(statements('Import'));

let crowd: Crowd;
let cuts: { operation: string; image: string; controller: AbortController }[] = [];
const results = new Map<string, { last: StageResult | undefined; asked: string[]; denied: string[] }>();
/** Runs a feature as a user with exactly the rights on the page. */
async function play({ heading, alone, names = {}, account = crowd.account, runs }: Feature): Promise<void> {
  const { world, record } = crowd.simulator;
  const local = { ...names, '1234567890123456': account.id };
  const headings = alone ? [heading] : [...new Set(['Import', heading])];
  const granted = headings.flatMap((one) => statements(one, local));
  const user = world.addUser(account, `user of ${heading}`, granted);
  const guest = crowd.job({ ALICLOUD_ACCESS_KEY: user.accessKeyId, ALICLOUD_SECRET_KEY: user.secret });
  const image = { image_name: heading.replaceAll(' ', '-') };
  const last = await runs({
    main: (inputs, stage) => guest.main({ ...image, ...inputs }, stage),
    post: (inputs, stage) => guest.post({ ...image, ...inputs }, stage),
    cut: (operation, inputs) => {
      const controller = new AbortController();
      cuts.push({ operation, image: inputs.image_name ?? '', controller });
      return guest.main(inputs, { signal: controller.signal });
    },
  });
  const own = record.filter(({ caller }) => caller?.endsWith(`user/${user.name}`));
  const asked = [...new Set(own.flatMap(({ ramActions }) => ramActions))].sort();
  const denied = own.map(({ code = '' }) => code).filter((code) => /^(Forbidden|AccessDenied|NoPermission)/.test(code));
  results.set(heading, { last, asked, denied });
}

beforeAll(async () => {
  crowd = await openCrowd({ speed: 40 });
  const { world } = crowd.simulator;
  crowd.simulator.after = ({ operation, key = '', params }) => {
    if (params?.DryRun === 'true') return;
    const cut = cuts.find((one) => one.operation === operation && (key + JSON.stringify(params)).includes(one.image));
    if (cut === undefined) return;
    cuts = cuts.filter((one) => one !== cut);
    // The import must not end before it is cancelled.
    const [task, copy] = [world.tasks.at(-1), world.images.filter((image) => image.copy).at(-1)?.copy];
    if (operation === 'ecs:ImportImage' && task) task.ends += 3_600_000;
    if (operation === 'ecs:CopyImage' && copy) copy.ends += 3_600_000;
    cut.controller.abort();
  };
  const [base, ...others] = features(crowd);
  // Its faults would affect the others.
  if (base) await play(base);
  const limit = pLimit(3);
  await Promise.all(others.map((feature) => limit(() => play(feature))));
}, 120_000);
afterAll(() => crowd.close());

describe.each(HEADINGS)('%s', (heading) => {
  test('with exactly the policies of the page it succeeds', () => {
    const { last, denied } = results.get(heading) ?? {};
    expect(last?.log).not.toMatch(/##\[(error|warning)\]|denied/);
    expect(last?.conclusion).toBe('success');
    expect(denied).toEqual([]);
  });

  test('the page names the actions that were asked for, and no other', () => {
    const page = actions(statements(heading));
    const asked = results.get(heading)?.asked ?? [];
    const alone = ['Import', 'Dry run', 'ram_role_arn with keys'].includes(heading);
    expect(alone ? asked : asked.filter((action) => !BASE.includes(action))).toEqual(page);
  });
});

describe('the trust policy', () => {
  const trusted = ['repo:octo/images:ref:refs/heads/main', 'repo:octo@1234/images@5678:ref:refs/heads/main'];
  const subjects = [
    'repo:octo/images:ref:refs/heads/other',
    'repo:octo/images:pull_request',
    'repo:octo/images-fork:ref:refs/heads/main',
    'repo:mallory/images:ref:refs/heads/main',
    'repo:octo@1234/images@5679:ref:refs/heads/main',
    'repo:octo@4321/images@5678:ref:refs/heads/main',
  ];

  test('lets in the branch that it names, in both forms of its subject, and nobody else', async () => {
    const { simulator, account } = crowd;
    const names = { '1234567890123456': account.id };
    const role = simulator.world.addRole(account, 'image-import', documented('Without a key: trust GitHub', names));
    attach(account, role, 'import', statements('Import', names));
    const guest = crowd.job();
    const inputs = {
      ram_role_arn: `acs:ram::${account.id}:role/image-import`,
      oidc_provider_arn: `acs:ram::${account.id}:oidc-provider/github`,
    };
    for (const subject of subjects) {
      simulator.oidc.subject = subject;
      const { log } = await guest.main({ ...inputs, image_name: 'refused' });
      expect(log).toContain('AuthenticationFail.NoPermission');
      expect(log).toContain(`sub ${subject}`);
    }
    for (const [n, subject] of trusted.entries()) {
      simulator.oidc.subject = subject;
      expect((await guest.main({ ...inputs, image_name: `trusted-${n}` })).conclusion).toBe('success');
    }
  });

  test('a pull request from a fork gets a dry run and nothing more', async () => {
    const seen = crowd.simulator.record.length;
    const guest = crowd.job({ ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' });
    const keyless = { ram_role_arn: crowd.roleArn, oidc_provider_arn: crowd.providerArn };
    const empty = { access_key: '', secret_key: '' };
    for (const inputs of [keyless, empty]) {
      const dry = await guest.main({ ...inputs, dry_run: 'true' });
      expect(dry.log).toContain('Nothing in the cloud was checked, because no credentials were given.');
      expect(dry.conclusion).toBe('success');
      const wet = await guest.main(inputs);
      expect(wet.log).toMatch(/##\[error\].*(MissingIdTokenPermission|Nothing was uploaded)[^]*fork/);
    }
    expect(crowd.simulator.record.length).toBe(seen);
  });
});
