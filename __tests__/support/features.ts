import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { trusting, type Account, type Statement } from '../../simulator/index.ts';
import type { StageOptions, StageResult } from '../../runner/job.ts';
import type { Crowd } from './people.ts';
import { ROOT } from './scene.ts';

const PAGE = readFileSync(join(ROOT, 'docs/permissions.md'), 'utf8');

/** The JSON below a heading of the page, with the test's names instead of the page's. */
export function documented(heading: string, names: Record<string, string> = {}): string {
  const section = PAGE.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const [, json = ''] = /```json\n(.*?)```/s.exec(section) ?? [];
  if (json === '') throw new Error(`the page has no JSON under ${heading}`);
  return Object.entries(names).reduce((text, [from, to]) => text.replaceAll(from, to), json);
}
export const statements = (heading: string, names?: Record<string, string>) =>
  (JSON.parse(documented(heading, names)) as { Statement: Statement[] }).Statement;
export const actions = (some: Statement[]) => [...new Set(some.flatMap(({ Action }) => Action))].sort();

/** A feature: its policies, in addition to those of an import or alone, and the runs that use all of it. */
export interface Feature {
  heading: string;
  alone?: true;
  names?: Record<string, string>;
  account?: Account;
  runs: (who: Runs) => Promise<StageResult | undefined>;
}
export interface Runs {
  main(inputs?: Record<string, string>, options?: StageOptions): Promise<StageResult>;
  post(inputs?: Record<string, string>, options?: StageOptions): Promise<StageResult>;
  /** A run that is cancelled when its operation is answered. */
  cut(operation: string, inputs: Record<string, string>): Promise<StageResult>;
}

const later = { env: { GITHUB_RUN_ID: '5000' } };
const again = { env: { GITHUB_RUN_ATTEMPT: '2' } };

export const HEADINGS = [
  'Import',
  'Dry run',
  'A bucket that does not exist yet',
  'A bucket with versioning',
  'An import role that does not exist yet',
  'import_role_name',
  'image_force_delete',
  'image_force_delete_snapshots',
  'image_copy_regions',
  'image_encrypted',
  'image_share_account',
  'ram_role_arn with keys',
];

/** Everything that the page has a policy for, and the runs that use it. */
export function features({ simulator: { world, faults }, account }: Crowd): Feature[] {
  const another = world.addAccount();
  world.addBucket(another, 'elsewhere');
  const versioned = world.addBucket(account, 'versioned');
  versioned.versioning = 'Enabled';
  const friend = world.addAccount();
  world.addImage(account, 'image_force_delete');
  const reader = world.addRole(account, 'image-reader', trusting({ Service: ['ecs.aliyuncs.com'] }));
  attach(account, reader, 'read', statements('What ECS reads with'));
  const worker = world.addRole(account, 'image-worker', trusting({ RAM: [`acs:ram::${account.id}:root`] }));
  attach(account, worker, 'work', statements('Import', { '1234567890123456': account.id }));
  const cancelled = async (who: Runs, inputs: Record<string, string>, operation: string) => {
    await who.cut(operation, inputs);
    return who.post(inputs);
  };
  return [
    {
      heading: 'Import',
      runs: async (who) => {
        const stuck = { operation: 'oss:UploadPart', kind: 'stall', nth: 2, times: Infinity } as const;
        faults.push(stuck);
        await who.cut('oss:UploadPart', { image_name: 'resumed' });
        faults.length = 0;
        const resumed = await who.main({ image_name: 'resumed' }, again);
        faults.push({ ...stuck });
        await cancelled(who, { image_name: 'aborted' }, 'oss:UploadPart');
        faults.length = 0;
        await cancelled(who, { image_name: 'cancelled' }, 'ecs:ImportImage');
        world.nextImportFails = { code: 'ImportImageFailed', message: 'made to fail' };
        await who.main({ image_name: 'fails' });
        return resumed;
      },
    },
    { heading: 'Dry run', alone: true, runs: (who) => who.main({ dry_run: 'true' }) },
    { heading: HEADINGS[2] ?? '', names: { packer: 'fresh' }, runs: (who) => who.main({ oss_bucket_name: 'fresh' }) },
    {
      heading: 'A bucket with versioning',
      names: { packer: 'versioned' },
      runs: (who) => who.main({ oss_bucket_name: 'versioned' }),
    },
    {
      heading: HEADINGS[4] ?? '',
      account: another,
      names: { packer: 'elsewhere' },
      runs: async (who) => {
        const made = await who.main({ oss_bucket_name: 'elsewhere' });
        for (const role of another.roles) role.policies = [];
        await who.main({ oss_bucket_name: 'elsewhere', image_name: 'half-made' });
        return made;
      },
    },
    { heading: 'import_role_name', runs: (who) => who.main({ import_role_name: 'image-reader' }) },
    { heading: 'image_force_delete', runs: (who) => who.main({ image_force_delete: 'true' }) },
    {
      heading: 'image_force_delete_snapshots',
      runs: async (who) => {
        await who.main();
        return who.main({ image_force_delete: 'true', image_force_delete_snapshots: 'true' }, later);
      },
    },
    {
      heading: 'image_copy_regions',
      runs: async (who) => {
        await cancelled(who, { image_copy_regions: 'cn-hangzhou', image_name: 'half-copied' }, 'ecs:CopyImage');
        return who.main({ image_copy_regions: 'cn-hangzhou' });
      },
    },
    {
      heading: 'image_encrypted',
      runs: async (who) => {
        await cancelled(who, { image_encrypted: 'true', image_name: 'half-encrypted' }, 'ecs:CopyImage');
        return who.main({ image_encrypted: 'true' });
      },
    },
    { heading: 'image_share_account', runs: (who) => who.main({ image_share_account: friend.id }) },
    {
      heading: 'ram_role_arn with keys',
      alone: true,
      names: { 'image-import': 'image-worker' },
      runs: (who) => who.main({ ram_role_arn: `acs:ram::${account.id}:role/image-worker` }),
    },
  ];
}

export function attach(account: Account, role: Account['roles'][number], name: string, some: Statement[]): void {
  account.policies.push({ type: 'Custom', name, statements: some });
  role.policies.push({ type: 'Custom', name, at: 0 });
}
