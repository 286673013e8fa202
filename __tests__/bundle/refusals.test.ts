import { describe, expect, test } from 'vitest';
import type { Image } from '../../simulator/index.ts';
import { annotations, deny, quickScene, recordFrom, theError } from '../support/quick.ts';
import { requests, type Scene } from '../support/scene.ts';

/** The problems that the checks found; no byte of the file must have been sent. */
function refused(scene: Scene, error: string): string[] {
  for (const operation of ['oss:InitiateMultipartUpload', 'oss:UploadPart', 'oss:PutObject', 'ecs:ImportImage'])
    expect(requests(scene, operation)).toEqual([]);
  const [head, ...lines] = error.split('\n');
  if (head !== 'Nothing was uploaded.') return [error];
  expect(lines.every((line) => line.startsWith('- '))).toBe(true);
  return lines.map((line) => line.slice(2));
}

const REQUEST_ID = /\(RequestId [0-9A-F-]{24,36}\)$/;

describe('refused before any part is uploaded, with code, cause, what to do and RequestId', () => {
  test.each<[string, string, (scene: Scene) => Record<string, string>]>([
    [
      'SignatureDoesNotMatch: .* secret_key does not belong to access_key. Copy both again',
      'a wrong secret',
      ({ simulator }) => ({ access_key: simulator.admin.accessKeyId, secret_key: 'not-the-secret' }),
    ],
    [
      'InvalidAccessKeyId.NotFound: .* does not exist or is disabled. Check access_key',
      'an unknown key',
      () => ({ access_key: 'LTAI0000', secret_key: 'not-the-secret' }),
    ],
    [
      'BucketAlreadyExists: .* belongs to another account; .* Choose another oss_bucket_name',
      "somebody else's bucket",
      ({ simulator: { world } }) => {
        world.addBucket(world.addAccount(), 'theirs');
        return { oss_bucket_name: 'theirs' };
      },
    ],
    [
      'PublicEndpointForbidden: .* custom_endpoint_oss: oss-<region>-internal.aliyuncs.com, or bind a domain of your own',
      'a new account in the mainland',
      ({ simulator }) => {
        simulator.account.publicEndpointForbidden = true;
        return {};
      },
    ],
  ])('%s (%s)', async (says, _, prepare) => {
    const scene = await quickScene();
    const [line, ...more] = refused(scene, theError(await scene.main(prepare(scene))));
    expect(more).toEqual([]);
    expect(line).toMatch(new RegExp(says));
    expect(line).toMatch(REQUEST_ID);
  });

  test('several at once: name, bucket, object', async () => {
    const scene = await quickScene();
    const { world, account } = scene.simulator;
    const image = world.addImage(account, 'packer_import', { status: 'CreateFailed' });
    world.addBucket(account, 'kms', { encryption: { algorithm: 'KMS' } });
    world.addBucket(account, 'elsewhere', { region: 'cn-shanghai' });
    const shared = [{ Effect: 'Allow' as const, Action: 'oss:*', Resource: '*' }];
    world.addBucket(world.addAccount(), 'open', { policy: shared });
    await world.putObject('kms', 'mine', Buffer.from('x'));
    const duplicate = expect.stringMatching(
      `InvalidImageName.Duplicated: image ${image.id} \\(CreateFailed\\) has the name packer_import\\. .*image_force_delete: true`,
    ) as string;
    const see = async (inputs: Record<string, string>) => refused(scene, theError(await scene.main(inputs)));
    expect(await see({ oss_bucket_name: 'kms', oss_key_name: 'mine' })).toEqual([
      expect.stringMatching(/BucketEncrypted: .* kms .*Turn off the default encryption of the bucket/),
      expect.stringMatching(/ForeignObject: oss:\/\/kms\/mine exists already\..*choose another oss_key_name/),
      duplicate,
    ]);
    expect(await see({ oss_bucket_name: 'elsewhere' })).toEqual([
      expect.stringMatching(/BucketElsewhere: the bucket elsewhere is in cn-shanghai, .* cn-beijing\..*Set region/),
      duplicate,
    ]);
    expect(await see({ oss_bucket_name: 'open' })).toEqual([
      expect.stringMatching(/BucketIsForeign: .*Choose another oss_bucket_name/),
      duplicate,
    ]);
    expect(world.object('kms', 'mine')?.size).toBe(1);
  });

  test.each(['Creating', 'Waiting', 'Available', 'UnAvailable', 'CreateFailed', 'Deprecated'] as Image['status'][])(
    'a name that an image in state %s has',
    async (status) => {
      const scene = await quickScene();
      scene.simulator.world.addImage(scene.simulator.account, 'packer_import', { status });
      const [line] = refused(scene, theError(await scene.main()));
      expect(line).toContain(`(${status}) has the name packer_import`);
    },
  );
});

test('images of others and similar names are no duplicates; AES256 is a warning, and an error if ECS refuses it', async () => {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  const other = world.addAccount();
  world.addImage(other, 'packer_import', { sharedWith: [account.id] });
  world.addImage(other, 'packer_import', { system: true });
  world.addImage(account, 'packer_import', { region: 'cn-shanghai' });
  for (const name of ['packer_import2', 'my_packer_import', 'Packer_Import']) world.addImage(account, name);
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  expect(main.outputs.replaced_image_id).toBe('');

  world.addBucket(account, 'aes', { encryption: { algorithm: 'AES256' } });
  const record = recordFrom(scene);
  const warned = await scene.main({ image_name: 'second', oss_bucket_name: 'aes' });
  expect(annotations(warned, 'warning')).toEqual([
    'The bucket aes encrypts its objects (AES256); ECS may refuse to read them.',
  ]);
  expect(theError(warned)).toContain('InvalidOSSBucket.EncryptUnsupported');
  expect(record().filter(({ operation }) => /Initiate|UploadPart|ImportImage$/.test(operation))).toEqual([]);
});

test('PublicEndpointForbidden is recognized although the answer to HEAD, which has no body, gives no reason', async () => {
  const scene = await quickScene();
  scene.simulator.account.publicEndpointForbidden = true;
  scene.simulator.spelling = (answer) => {
    const headers = Object.entries(answer.headers ?? {}).filter(([name]) => !/^x-oss-(err|ec)$/.test(name));
    return { ...answer, headers: Object.fromEntries(headers) };
  };
  const [line, ...more] = refused(scene, theError(await scene.main()));
  expect(more).toEqual([]);
  expect(line).toMatch(/^oss:ListObjects failed: PublicEndpointForbidden: .*cn-hongkong.*-internal/);
});

test('PublicEndpointForbidden is also recognized when the upload begins', async () => {
  const scene = await quickScene();
  const { simulator } = scene;
  deny(scene, 'oss:GetObject');
  simulator.faults.push({ operation: 'oss:HeadObject', kind: 'error', code: 'AccessDenied', status: 403 });
  simulator.account.publicEndpointForbidden = true;
  for (const inputs of [{}, { oss_bucket_name: 'brand-new' }]) {
    const record = recordFrom(scene);
    const error = theError(await scene.main(inputs));
    await scene.post(inputs);
    expect(error).toMatch(/^oss:InitiateMultipartUpload failed: PublicEndpointForbidden: .*cn-hongkong.*-internal/);
    expect(error).toMatch(REQUEST_ID);
    expect(record().filter(({ operation }) => operation.includes('UploadPart'))).toEqual([]);
  }
  // One of the suggested solutions.
  simulator.faults.length = 0;
  const inside = await scene.main({ custom_endpoint_oss: 'oss-cn-beijing-internal.aliyuncs.com' });
  expect(inside.conclusion, inside.log).toBe('success');
});

test('a failed check ends all other checks: no retry line and no wait after the error', async () => {
  const scene = await quickScene();
  const { simulator } = scene;
  simulator.faults.push({
    operation: 'ecs:DescribeImages',
    kind: 'error',
    code: 'InvalidRegionId.NotFound',
    status: 404,
  });
  simulator.faults.push({ operation: 'oss:GetBucketInfo', kind: 'throttling', retryAfter: 60 });
  const main = await scene.main();
  expect(theError(main)).toContain('InvalidRegionId.NotFound');
  expect(main.log.slice(main.log.indexOf('##[error]'))).not.toContain('GetBucketInfo');
  const asked = requests(scene, 'oss:GetBucketInfo');
  const [first, last] = [simulator.record[0]?.at ?? 0, simulator.now()];
  expect(asked).toHaveLength(1);
  expect(last - first).toBeLessThan(60_000);
});

test('a page with which a proxy refuses a request: one try, and an error that names the proxy', async () => {
  const scene = await quickScene();
  const operation = 'sts:GetCallerIdentity';
  scene.simulator.faults.push({ operation, kind: 'html', status: 403 });
  const error = theError(await scene.main());
  expect(error).toMatch(/GetCallerIdentity failed: UnexpectedAnswer: .*a proxy in between.* Check HTTPS_PROXY/);
  expect(requests(scene, operation)).toHaveLength(1);
});
