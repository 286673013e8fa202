import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare, isOperation } from '../support/request-classes.ts';
import { openCrowd, type Crowd, type Guest } from '../support/people.ts';
import { pseudoRandom, ROOT, writeDisk } from '../support/scene.ts';

const EVERYTHING = {
  image_system_size: '40',
  image_description: 'all of it',
  tags: 'team=platform\nstage=test',
  resource_group_id: 'rg-abc123',
  target_image_family: 'base',
  image_os_type: 'windows',
  image_platform: 'Windows Server 2022',
  boot_mode: 'UEFI-Preferred',
  license_type: 'BYOL',
  detection_strategy: 'Standard',
  nvme_support: 'supported',
  imds_support: 'v2',
  data_disk_paths: 'data.raw',
  import_role_name: 'AliyunECSImageImportDefaultRole',
  image_copy_regions: 'cn-hangzhou',
};

/** The RPC operations in src. */
function named(): string[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('ts'),
  );
  const quoted = files.flatMap(
    (name) => readFileSync(join(ROOT, 'src', name), 'utf8').match(/(?<=')[A-Z]\w+(?=')/g) ?? [],
  );
  return [...new Set(quoted)].filter(isOperation).sort();
}

let crowd: Crowd;

/** Main, cancelled when ECS has accepted the operation, then post. */
async function cancelled(guest: Guest, operation: string, inputs: Record<string, string>): Promise<void> {
  const { simulator } = crowd;
  const stop = new AbortController();
  simulator.after = (request) => {
    if (request.operation !== operation || request.code !== undefined) return;
    const [task, copy] = [simulator.world.tasks.at(-1), simulator.world.images.findLast((image) => image.copy)?.copy];
    if (task && operation === 'ecs:ImportImage') task.ends += 3_600_000;
    if (copy && operation === 'ecs:CopyImage') copy.ends += 3_600_000;
    stop.abort();
  };
  await guest.main(inputs, { signal: stop.signal });
  simulator.after = undefined;
  await guest.post(inputs);
}

beforeAll(async () => {
  crowd = await openCrowd({ speed: 100, importSeconds: 5, copySeconds: 5 });
  const { simulator, account, user } = crowd;
  const { world } = simulator;
  await writeDisk(join(crowd.workspace, 'data.raw'), 4 * 1024 ** 2, [[0, pseudoRandom(300_000, 9)]]);
  const keys = { ALICLOUD_ACCESS_KEY: user.accessKeyId, ALICLOUD_SECRET_KEY: user.secret };
  const next = (id: string) => ({ env: { GITHUB_RUN_ID: id } });
  const guest = crowd.job(keys);
  const friend = world.addAccount();
  const forced = { image_force_delete: 'true', image_force_delete_snapshots: 'true' };
  await guest.main({ ...EVERYTHING, image_share_account: friend.id });
  await guest.main({ ...forced, image_name: 'packer_import' }, next('2'));
  await guest.main({ image_name: 'encrypted', image_encrypted: 'true', kms_key_id: 'key-12345678' }, next('3'));
  world.nextImportFails = { code: 'ImportImageFailed', message: 'made to fail' };
  await guest.main({ image_name: 'fails' }, next('4'));
  // One import finds no role, the other one a role without its policy. One is cancelled during the import, one during a copy.
  account.roles = account.roles.filter(({ name }) => name === 'importer');
  await cancelled(guest, 'ecs:ImportImage', { image_name: 'cut' });
  for (const role of account.roles) if (role.name !== 'importer') role.policies = [];
  await cancelled(guest, 'ecs:CopyImage', { image_name: 'cut-copy', image_encrypted: 'true' });
  const roles = { ram_role_arn: crowd.roleArn };
  await guest.main({ ...roles, dry_run: 'true', image_name: 'assumed' });
  await crowd.job().main({ ...roles, oidc_provider_arn: crowd.providerArn, dry_run: 'true', image_name: 'keyless' });
}, 120_000);
afterAll(() => crowd.close());

describe("the requests of runs with every input on the image, and the request classes of the vendor's SDKs", () => {
  test('names, types and required parameters agree', () => {
    const { requests, violations } = compare(crowd.simulator.record);
    expect(violations).toEqual([]);
    expect(requests).toBeGreaterThan(100);
  });

  test('the runs sent every operation that src names', () => {
    const { operations } = compare(crowd.simulator.record);
    expect(operations.map((one) => one.split(':')[1]).sort()).toEqual(named());
  });

  test('a wrong name, a wrong type and a missing parameter are violations', () => {
    const [first] = crowd.simulator.record.filter(({ operation }) => operation === 'ecs:ImportImage');
    if (first?.params === undefined) throw new Error('nothing was imported');
    const params = Object.fromEntries(Object.entries(first.params).filter(([name]) => name !== 'RegionId'));
    const bent = { ...params, DryRun: 'yes', 'Tag.1.Name': 'x', 'DiskDeviceMapping.Format': 'RAW' };
    expect(compare([{ ...first, params: bent }]).violations.sort()).toEqual([
      'ecs:ImportImage: DiskDeviceMapping.Format is unknown',
      'ecs:ImportImage: DryRun=yes is not a boolean',
      'ecs:ImportImage: RegionId is missing',
      'ecs:ImportImage: Tag.1.Name is unknown',
    ]);
  });
});
