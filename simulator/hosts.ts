import { words } from './shape.ts';
import type { World } from './world.ts';

/** Regions: https://www.alibabacloud.com/help/en/ecs/product-overview/regions-and-zones */
const MAINLAND = words(`cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote cn-wulanchabu cn-hangzhou cn-shanghai
  cn-nanjing cn-fuzhou cn-wuhan-lr cn-shenzhen cn-heyuan cn-guangzhou cn-chengdu`);
const ELSEWHERE = words(`cn-hongkong ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-3 ap-southeast-5
  ap-southeast-6 ap-southeast-7 us-west-1 us-east-1 eu-central-1 eu-west-1 me-east-1 me-central-1`);

/**
 * Finance and government regions, with the OSS location of the buckets that are reachable from the public network:
 * https://www.alibabacloud.com/help/en/oss/user-guide/regions-and-endpoints. According to the page's column "Region ID",
 * V4 signatures use the region id here too.
 */
const INDUSTRY: Record<string, string> = {
  'cn-hangzhou-finance': 'oss-cn-hzfinance',
  'cn-shanghai-finance-1': 'oss-cn-shanghai-finance-1-pub',
  'cn-shenzhen-finance-1': 'oss-cn-szfinance',
  'cn-north-2-gov-1': 'oss-cn-north-2-gov-1',
};

export const REGIONS = [...MAINLAND, ...ELSEWHERE, ...Object.keys(INDUSTRY)];

export const locationOf = (region: string): string => INDUSTRY[region] ?? `oss-${region}`;

/** Newer regions that only their own endpoint serves. */
const REGIONAL_ONLY = words(`cn-nanjing cn-fuzhou cn-wuhan-lr ap-northeast-2 ap-southeast-6 ap-southeast-7
  me-central-1`);

export const isMainland = (region: string): boolean => MAINLAND.includes(region);

/** The central ECS endpoint serves these: https://www.alibabacloud.com/help/en/ecs/developer-reference/endpoints */
export const isCentral = (region: string): boolean => !REGIONAL_ONLY.includes(region);

/** The service behind a host name. */
export interface Target {
  service: 'oss' | 'ecs' | 'ram' | 'sts' | 'oidc' | 'metadata';
  /** Set for regional endpoints only. */
  region?: string;
  bucket?: string;
  kind?: 'public' | 'internal' | 'accelerate' | 'cname';
}

export const OIDC_HOST = 'token.actions.githubusercontent.com';
export const METADATA_HOST = '100.100.100.200';
const OSS = /^(?:([^.]+)\.)?oss-(?:(accelerate)|([a-z0-9-]+?)(-internal)?)\.aliyuncs\.com$/;
const CENTRAL = new Set(['ecs.aliyuncs.com', 'ecs-cn-hangzhou.aliyuncs.com']);

export function resolve(host: string, world: World): Target | undefined {
  if (host === OIDC_HOST) return { service: 'oidc' };
  if (host === METADATA_HOST) return world.instance && { service: 'metadata' };
  if (host === 'ram.aliyuncs.com') return { service: 'ram' };
  if (host === 'sts.aliyuncs.com') return { service: 'sts' };
  if (CENTRAL.has(host)) return { service: 'ecs' };
  const [, service, region = ''] = /^(ecs|sts)(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com$/.exec(host) ?? [];
  if (service && REGIONS.includes(region)) return { service: service === 'ecs' ? 'ecs' : 'sts', region };
  const named = world.buckets.find(({ cnames }) => cnames.includes(host));
  return named ? { service: 'oss', bucket: named.name, kind: 'cname' } : resolveOss(host);
}

function resolveOss(host: string): Target | undefined {
  const match = OSS.exec(host);
  if (!match) return undefined;
  const [, bucket, accelerate, location = '', internal] = match;
  const target: Target = { service: 'oss', ...(bucket !== undefined && { bucket }) };
  if (accelerate) return { ...target, kind: 'accelerate' };
  const region = REGIONS.find((one) => locationOf(one) === `oss-${location}`);
  return region === undefined ? undefined : { ...target, region, kind: internal ? 'internal' : 'public' };
}
