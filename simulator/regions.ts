import { words } from './shape.ts';

/** Regions: https://www.alibabacloud.com/help/en/ecs/product-overview/regions-and-zones */
const MAINLAND = words(`cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote cn-wulanchabu cn-hangzhou cn-shanghai
  cn-nanjing cn-fuzhou cn-wuhan-lr cn-shenzhen cn-heyuan cn-guangzhou cn-chengdu`);
const ELSEWHERE = words(`cn-hongkong ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-3 ap-southeast-5
  ap-southeast-6 ap-southeast-7 us-west-1 us-east-1 eu-central-1 eu-west-1 me-east-1 me-central-1`);

export const REGIONS = [...MAINLAND, ...ELSEWHERE];

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
