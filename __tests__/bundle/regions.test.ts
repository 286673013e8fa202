import { expect, test } from 'vitest';
import { quickScene, recordFrom } from '../support/quick.ts';

test.each([
  ['', 'vault.oss-cn-hzfinance.aliyuncs.com'],
  ['oss-cn-hzfinance-internal.aliyuncs.com', 'vault.oss-cn-hzfinance-internal.aliyuncs.com'],
])('a finance region, whose OSS location has another name, with custom_endpoint_oss "%s"', async (endpoint, host) => {
  const scene = await quickScene();
  const { world, account } = scene.simulator;
  world.addBucket(account, 'vault', { region: 'cn-hangzhou-finance' });
  const record = recordFrom(scene);
  const place = { region: 'cn-hangzhou-finance', oss_bucket_name: 'vault', custom_endpoint_oss: endpoint };
  const main = await scene.main(place);
  expect(main.conclusion, main.log).toBe('success');
  const hosts = (service: string) => new Set(record().flatMap((one) => (one.service === service ? [one.host] : [])));
  expect(hosts('ecs')).toEqual(new Set(['ecs.aliyuncs.com']));
  expect(hosts('oss')).toEqual(new Set([host]));
});
