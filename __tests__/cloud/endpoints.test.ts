import { expect, test } from 'vitest';
import { defaultEndpoint } from '../../src/cloud/endpoints.ts';

test.each([
  ['ecs', 'cn-beijing', 'ecs.cn-beijing.aliyuncs.com'],
  ['ecs', 'ap-southeast-1', 'ecs.ap-southeast-1.aliyuncs.com'],
  ['ecs', 'cn-hangzhou', 'ecs-cn-hangzhou.aliyuncs.com'],
  ['ecs', 'cn-shanghai-finance-1', 'ecs-cn-hangzhou.aliyuncs.com'],
  ['ecs', 'cn-north-2-gov-1', 'ecs.aliyuncs.com'],
  ['ecs', 'cn-edge-1', 'ecs.cn-qingdao-nebula.aliyuncs.com'],
  ['oss', 'cn-beijing', 'oss-cn-beijing.aliyuncs.com'],
  ['ram', 'cn-beijing', 'ram.aliyuncs.com'],
  ['sts', 'ap-southeast-1', 'sts.aliyuncs.com'],
] as const)('%s in %s is %s', (service, region, host) => {
  expect(defaultEndpoint(service, region)).toBe(host);
});
