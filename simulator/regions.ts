import { words } from './shape.ts';

/** Regions: https://www.alibabacloud.com/help/en/ecs/product-overview/regions-and-zones */
const MAINLAND = words(`cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote cn-wulanchabu cn-hangzhou cn-shanghai
  cn-nanjing cn-fuzhou cn-wuhan-lr cn-shenzhen cn-heyuan cn-guangzhou cn-chengdu`);
const ELSEWHERE = words(`cn-hongkong ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-3 ap-southeast-5
  ap-southeast-6 ap-southeast-7 us-west-1 us-east-1 eu-central-1 eu-west-1 me-east-1 me-central-1`);

/**
 * Finance and government regions, with the location that OSS names for buckets which the public network reaches:
 * https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints. V4 signs with the region id there too, as far
 * as the page's column "Region ID" says.
 */
const INDUSTRY: Record<string, string> = {
  'cn-hangzhou-finance': 'oss-cn-hzfinance',
  'cn-shanghai-finance-1': 'oss-cn-shanghai-finance-1-pub',
  'cn-shenzhen-finance-1': 'oss-cn-szfinance',
  'cn-north-2-gov-1': 'oss-cn-north-2-gov-1',
};

export const REGIONS = [...MAINLAND, ...ELSEWHERE, ...Object.keys(INDUSTRY)];

export const locationOf = (region: string): string => INDUSTRY[region] ?? `oss-${region}`;

export const regionAt = (location: string): string | undefined =>
  REGIONS.find((region) => locationOf(region) === location);

/** Regions that came late and are served by their own endpoint only. */
const REGIONAL_ONLY = words(`cn-nanjing cn-fuzhou cn-wuhan-lr ap-northeast-2 ap-southeast-6 ap-southeast-7
  me-central-1`);

export function isMainland(region: string): boolean {
  return MAINLAND.includes(region);
}

/** The central ECS endpoint serves these: https://www.alibabacloud.com/help/en/ecs/developer-reference/endpoints */
export function isCentral(region: string): boolean {
  return !REGIONAL_ONLY.includes(region);
}
