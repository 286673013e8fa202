/** Questions about OSS. */
import { now } from '../../src/cloud/time.ts';
import { defaultEndpoint } from '../../src/cloud/endpoints.ts';
import { inspectBucket } from '../../src/oss/bucket.ts';
import { initiate, toState } from '../../src/oss/objects.ts';
import { makeZeros } from '../../src/oss/zeros.ts';
import type { Ask, Live } from './account.ts';
import { put, refusal, said } from './imports.ts';

export const ACCELERATE = 'oss-accelerate.aliyuncs.com';
/** The only object that is put into a bucket of the user. */
export const objectOf = ({ prefix }: Live): string => `${prefix}probe`;

/** Needs an existing mainland bucket with transfer acceleration, because enabling it takes half an hour. */
export const askAcceleration: Ask = async (live) => {
  const { accelerated: bucket } = live;
  if (bucket === '') return 'not asked: accelerated_bucket is empty';
  const { region = live.region } = await inspectBucket(live.at(bucket, live.region).oss);
  const verdicts: string[] = [];
  for (const host of [defaultEndpoint('oss', region), ACCELERATE]) {
    const { oss } = live.at(bucket, region, host);
    const no = await refusal(put(oss, objectOf(live), Buffer.from('probe')));
    if (no === undefined) await oss.call('oss:DeleteObject', (sdk) => sdk.delete(objectOf(live)));
    verdicts.push(`${host}: ${no === undefined ? 'an object is taken' : said(no)}`);
  }
  return verdicts.join('; ');
};

const LENGTH = 64 * 1024 ** 2;

export const askZeroCopies: Ask = async ({ cloud, run }) => {
  const { oss } = cloud;
  const sourceKey = await makeZeros({ data: oss, copies: oss }, 'copied', LENGTH, run);
  const source = { sourceKey, sourceBucketName: oss.bucket };
  const id = await initiate(oss, 'copied', {});
  const times: number[] = [];
  let sums = 0;
  for (let part = 1; part <= 5; part += 1) {
    const started = now();
    const { res } = await oss.call('oss:UploadPartCopy', (sdk) =>
      sdk.uploadPartCopy('copied', id, part, `0-${LENGTH - 1}`, source),
    );
    times.push(now() - started);
    if (toState(res.headers).crc64 !== undefined) sums += 1;
  }
  return `${times.map((ms) => `${ms} ms`).join(', ')}; ${sums} of ${times.length} answers carry the CRC`;
};
