import type { Bucket } from './entities.ts';
import { REGIONS, regionAt } from './regions.ts';
import type { World } from './world.ts';

/** What a host name stands for. */
export interface Target {
  service: 'oss' | 'ecs' | 'ram' | 'sts' | 'oidc' | 'metadata';
  /** Only set on regional endpoints. */
  region?: string;
  bucket?: string;
  kind?: 'public' | 'internal' | 'accelerate' | 'overseas' | 'cname';
}

export const OIDC_HOST = 'token.actions.githubusercontent.com';
export const METADATA_HOST = '100.100.100.200';
const OSS = /^(?:([^.]+)\.)?oss-(?:(accelerate)(-overseas)?|([a-z0-9-]+?)(-internal)?)\.aliyuncs\.com$/;
/** https://www.alibabacloud.com/help/en/ecs/developer-reference/endpoints */
const CENTRAL = new Set(['ecs.aliyuncs.com', 'ecs-cn-hangzhou.aliyuncs.com']);

export function resolve(host: string, world: World): Target | undefined {
  if (host === OIDC_HOST) return { service: 'oidc' };
  if (host === METADATA_HOST) return world.instance && { service: 'metadata' };
  if (host === 'ram.aliyuncs.com') return { service: 'ram' };
  if (host === 'sts.aliyuncs.com') return { service: 'sts' };
  if (CENTRAL.has(host)) return { service: 'ecs' };
  const regional = /^(ecs|sts)(?:-vpc)?\.([a-z0-9-]+)\.aliyuncs\.com$/.exec(host);
  if (regional) return known(regional[2], { service: regional[1] === 'ecs' ? 'ecs' : 'sts' });
  return resolveOss(host) ?? resolveCname(host, world.buckets);
}

function known(region: string | undefined, target: Target): Target | undefined {
  return region !== undefined && REGIONS.includes(region) ? { ...target, region } : undefined;
}

function resolveOss(host: string): Target | undefined {
  const match = OSS.exec(host);
  if (!match) return undefined;
  const [, bucket, accelerate, overseas, region, internal] = match;
  const target: Target = { service: 'oss', ...(bucket !== undefined && { bucket }) };
  if (accelerate) return { ...target, kind: overseas ? 'overseas' : 'accelerate' };
  return known(regionAt(`oss-${region ?? ''}`), { ...target, kind: internal ? 'internal' : 'public' });
}

function resolveCname(host: string, buckets: Bucket[]): Target | undefined {
  const bucket = buckets.find(({ cnames }) => cnames.includes(host));
  return bucket && { service: 'oss', bucket: bucket.name, kind: 'cname' };
}
