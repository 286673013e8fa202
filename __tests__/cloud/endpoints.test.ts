import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { regionsPage, REGIONS, vendorHost } from '../../scripts/make-regions.ts';
import { defaultEndpoint, regionOfLocation } from '../../src/cloud/endpoints.ts';

describe('the ECS endpoint', () => {
  test.each(REGIONS)("in %s is the one of the vendor's SDK", (region) => {
    expect(defaultEndpoint('ecs', region)).toBe(vendorHost(region));
  });

  test('in every region that the SDK makes an exception for is the one of the SDK', () => {
    const source = readFileSync(createRequire(import.meta.url).resolve('@alicloud/ecs20140526'), 'utf8');
    const [, map = ''] = /_endpointMap = \{(.*?)\};/s.exec(source) ?? [];
    const pairs = [...map.matchAll(/'([\w-]+)': "([\w.-]+)"/g)].map(([, region = '', host = '']) => [region, host]);
    expect(pairs.length).toBeGreaterThan(30);
    expect(pairs.map(([region = '']) => [region, defaultEndpoint('ecs', region)])).toEqual(pairs);
  });
});

test.each([
  ['oss', 'cn-beijing', 'oss-cn-beijing.aliyuncs.com'],
  ['oss', 'cn-hangzhou-finance', 'oss-cn-hzfinance.aliyuncs.com'],
  ['oss', 'cn-shanghai-finance-1', 'oss-cn-shanghai-finance-1-pub.aliyuncs.com'],
  ['oss', 'cn-north-2-gov-1', 'oss-cn-north-2-gov-1.aliyuncs.com'],
  ['ram', 'cn-beijing', 'ram.aliyuncs.com'],
  ['sts', 'ap-southeast-1', 'sts.aliyuncs.com'],
] as const)('%s in %s is %s', (service, region, host) => {
  expect(defaultEndpoint(service, region)).toBe(host);
});

test.each([
  ['oss-cn-beijing', 'cn-beijing'],
  ['oss-cn-hzfinance', 'cn-hangzhou-finance'],
  ['oss-cn-hzjbp-a', 'cn-hangzhou-finance'],
  ['oss-cn-szfinance', 'cn-shenzhen-finance-1'],
  ['oss-cn-shanghai-finance-1', 'cn-shanghai-finance-1'],
  ['oss-cn-north-2-gov-1', 'cn-north-2-gov-1'],
])('a bucket at %s is in %s', (location, region) => {
  expect(regionOfLocation(location)).toBe(region);
});

test('docs/regions.md is what the script makes', async () => {
  expect(readFileSync('docs/regions.md', 'utf8')).toBe(await regionsPage());
});
