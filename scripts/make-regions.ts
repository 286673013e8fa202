/** Writes docs/regions.md, the hosts of ECS and OSS in every region: `node scripts/make-regions.ts`. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { format } from 'prettier';
import { defaultEndpoint } from '../src/cloud/endpoints.ts';

/** The regions of https://help.aliyun.com/zh/oss/user-guide/regions-and-endpoints, as of 2026-02-05. */
export const REGIONS = [
  'cn-hangzhou cn-shanghai cn-nanjing cn-fuzhou cn-wuhan-lr cn-qingdao cn-beijing cn-zhangjiakou cn-huhehaote',
  'cn-wulanchabu cn-shenzhen cn-heyuan cn-guangzhou cn-chengdu cn-hongkong',
  'ap-northeast-1 ap-northeast-2 ap-southeast-1 ap-southeast-3 ap-southeast-5 ap-southeast-6 ap-southeast-7',
  'eu-central-1 eu-west-1 us-west-1 us-east-1 na-south-1 me-east-1',
  'cn-hangzhou-finance cn-shanghai-finance-1 cn-shenzhen-finance-1 cn-beijing-finance-1 cn-north-2-gov-1',
].flatMap((line) => line.split(' '));

interface Sdk {
  default: new (config: object) => { _endpoint: string };
}
const { default: EcsClient } = createRequire(import.meta.url)('@alicloud/ecs20140526') as Sdk;

/** The ECS host that the vendor's SDK takes for a region. */
export const vendorHost = (regionId: string): string => new EcsClient({ regionId })._endpoint;

/** The page, formatted as the repository formats it. */
export async function regionsPage(): Promise<string> {
  const rows = REGIONS.map((region) => {
    const [ecs, oss] = [vendorHost(region), defaultEndpoint('oss', region)];
    const ecsNote = ecs === `ecs.${region}.aliyuncs.com` ? '' : '[1]';
    const ossNote = oss === `oss-${region}.aliyuncs.com` ? '' : '[2]';
    return `| \`${region}\` | \`${ecs}\` | \`${oss}\` | ${[ecsNote, ossNote].filter(Boolean).join(' ')} |`;
  });
  const page = `# Regions and hosts

The default hosts. \`custom_endpoint_ecs\` and \`custom_endpoint_oss\` replace those of \`region\`; copies use the
default ECS host of their region. RAM and STS have one host each for all
regions: \`ram.aliyuncs.com\` and \`sts.aliyuncs.com\`.

<!-- LedgerEntry from src/cloud/endpoints.ts by scripts/make-regions.ts. -->

| region | ECS | OSS | exception |
| --- | --- | --- | --- |
${rows.join('\n')}

- [1] From the endpoint map of Alibaba Cloud's SDK, \`@alicloud/ecs20140526\` 7.11.6. A test compares every region.
- [2] From [OSS regions and endpoints](https://help.aliyun.com/zh/oss/user-guide/regions-and-endpoints), as of 2026-02-05. Some
  buckets in the finance regions have no public endpoint. For these, run the job inside the region and set
  \`custom_endpoint_oss\`, for example to \`oss-cn-hzjbp-a-internal.aliyuncs.com\`.
`;
  return format(page, { parser: 'markdown', printWidth: 120 });
}

if (import.meta.main) writeFileSync('docs/regions.md', await regionsPage());
