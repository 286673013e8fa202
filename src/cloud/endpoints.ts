/**
 * Host and the regions whose ECS endpoint it is, if that is not `ecs.<region>.aliyuncs.com`. From `endpointMap` of the SDK
 * (@alicloud/ecs20140526 7.11.6).
 */
const ECS_EXCEPTIONS: Record<string, string> = {
  'ecs-cn-hangzhou.aliyuncs.com':
    'cn-beijing-nu16-b01 cn-fujian cn-haidian-cm12-c01 cn-hangzhou cn-hangzhou-bj-b01 ' +
    'cn-hangzhou-internal-prod-1 cn-hangzhou-internal-test-1 cn-hangzhou-internal-test-2 ' +
    'cn-hangzhou-internal-test-3 cn-hangzhou-test-306 cn-shanghai-et15-b01 cn-shanghai-et2-b01 ' +
    'cn-shanghai-finance-1 cn-shanghai-internal-test-1 cn-shenzhen-finance-1 cn-shenzhen-st4-d01 ' +
    'cn-shenzhen-su18-b01 cn-zhangbei-na61-b01',
  'ecs.aliyuncs.com':
    'ap-northeast-2-pop cn-beijing-finance-pop cn-beijing-gov-1 cn-hangzhou-finance ' +
    'cn-hongkong-finance-pop cn-north-2-gov-1 cn-shanghai-inner cn-shenzhen-inner cn-wuhan cn-yushanfang ' +
    'cn-zhangbei rus-west-1-pop',
  'ecs.cn-qingdao-nebula.aliyuncs.com': 'cn-edge-1 cn-huhehaote-nebula-1 cn-zhengzhou-nebula-1',
  'ecs.cn-zhangjiakou.aliyuncs.com': 'cn-zhangjiakou-na62-a01',
  'ecs.cn-shenzhen-cloudstone.aliyuncs.com': 'eu-west-1-oxs',
};

/**
 * Finance regions: their OSS locations are not named after the region, and only the first has a public endpoint
 * (https://help.aliyun.com/zh/oss/user-guide/regions-and-endpoints, of 2026-02-05).
 */
const OSS_EXCEPTIONS: Record<string, [location: string, ...internal: string[]]> = {
  'cn-hangzhou-finance': ['oss-cn-hzfinance', 'oss-cn-hzjbp', 'oss-cn-hzjbp-a', 'oss-cn-hzjbp-b'],
  'cn-shanghai-finance-1': ['oss-cn-shanghai-finance-1-pub', 'oss-cn-shanghai-finance-1'],
  'cn-shenzhen-finance-1': ['oss-cn-szfinance', 'oss-cn-shenzhen-finance-1'],
  'cn-beijing-finance-1': ['oss-cn-beijing-finance-1-pub', 'oss-cn-beijing-finance-1'],
};

export type Service = 'ecs' | 'ram' | 'sts' | 'oss';

/** The public endpoint of a service for a region, without scheme. */
export function defaultEndpoint(service: Service, region: string): string {
  if (service === 'ram') return 'ram.aliyuncs.com';
  if (service === 'sts') return 'sts.aliyuncs.com';
  if (service === 'oss') return `${OSS_EXCEPTIONS[region]?.[0] ?? `oss-${region}`}.aliyuncs.com`;
  const exception = Object.entries(ECS_EXCEPTIONS).find(([, regions]) => regions.split(' ').includes(region));
  return exception?.[0] ?? `ecs.${region}.aliyuncs.com`;
}

/** The region id of a bucket's OSS location, such as `oss-cn-beijing`. */
export function regionOfLocation(location: string): string {
  const exception = Object.entries(OSS_EXCEPTIONS).find(([, locations]) => locations.includes(location));
  return exception?.[0] ?? location.replace(/^oss-/, '');
}
