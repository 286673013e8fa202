import { expect, test } from 'vitest';
import { openScene, requests } from '../support/scene.ts';

test("imports the README's example byte for byte, and leaves only the image", async () => {
  const scene = await openScene();
  const { simulator, disk } = scene;
  let same = false;
  simulator.after = async ({ operation }) => {
    if (operation !== 'ecs:ImportImage') return;
    const [key = ''] = simulator.world.bucket('packer')?.objects.keys() ?? [];
    same = await simulator.world.sameAsFile('packer', key, disk);
  };
  const main = await scene.main();
  expect(main.log).not.toContain('##[error]');
  expect(main.conclusion).toBe('success');
  expect(same).toBe(true);
  const [image] = simulator.world.images;
  expect(main.outputs).toEqual({
    image_id: image?.id,
    image_ids: JSON.stringify({ 'cn-beijing': image?.id }),
    task_id: simulator.world.tasks[0]?.id,
    oss_object: expect.stringMatching(
      /^oss:\/\/packer\/alicloud-import\/packer_import\/4242-[\da-f]{16}\/1-[\da-f]{8}\/disk\.raw$/,
    ) as string,
    replaced_image_id: '',
  });
  expect(image).toMatchObject({ name: 'packer_import', status: 'Available' });
  expect(simulator.world.bucket('packer')?.objects.size).toBe(0);
  expect(simulator.world.bucket('packer')?.uploads.size).toBe(0);
  const post = await scene.post();
  expect(post.conclusion).toBe('success');
  expect(requests(scene, 'unknown')).toEqual([]);
  expect(simulator.record.filter(({ violation }) => violation)).toEqual([]);
});

test('ImportImage has the parameters that Packer sends, a ClientToken and three tags', async () => {
  const scene = await openScene();
  await scene.main();
  const [sent, ...more] = requests(scene, 'ecs:ImportImage');
  expect(more).toEqual([]);
  const { AccessKeyId, ClientToken, Signature, SignatureNonce, Timestamp, ...params } = sent?.params ?? {};
  expect([AccessKeyId, Signature, SignatureNonce, Timestamp].every(Boolean)).toBe(true);
  expect(ClientToken).toMatch(/^[0-9a-f]{64}$/);
  expect(params).toEqual({
    Action: 'ImportImage',
    Format: 'JSON',
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    Version: '2014-05-26',
    RegionId: 'cn-beijing',
    ImageName: 'packer_import',
    OSType: 'linux',
    Platform: 'CentOS',
    Architecture: 'x86_64',
    'DiskDeviceMapping.1.Format': 'RAW',
    'DiskDeviceMapping.1.OSSBucket': 'packer',
    'DiskDeviceMapping.1.OSSObject': expect.stringMatching(
      /^alicloud-import\/packer_import\/4242-.*\/disk\.raw$/,
    ) as string,
    'DiskDeviceMapping.1.DiskImageSize': '40',
    'Tag.1.Key': 'alicloud-import',
    'Tag.1.Value': expect.stringMatching(/^[\da-f]{16}\.1\.[\da-f]{8}$/) as string,
    'Tag.2.Key': 'alicloud-import-content',
    'Tag.2.Value': expect.stringMatching(/^[\da-f]{32}$/) as string,
    'Tag.3.Key': 'alicloud-import-run',
    'Tag.3.Value': 'octo/images/4242',
  });
});
