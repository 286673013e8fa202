/**
 * Other ways to upload with the same SDK: `node bench/baseline.ts put|default|tuned <file>`.
 * - put: one PutObject, as Packer does; with a longer time-out, because the default ends it after 60 s
 * - default: `multipartUpload` with its defaults, 5 parts of 1 MiB at a time
 * - tuned: `multipartUpload` with 16 parts of 10 MiB at a time
 */
import OSS from 'ali-oss';
import { BUCKET, REGION, measure, newAgent } from './measure.ts';

const DAY = 86_400_000;

async function upload(mode: string | undefined, file: string): Promise<void> {
  const client = new OSS({
    region: `oss-${REGION}`,
    endpoint: `https://oss-${REGION}.aliyuncs.com`,
    bucket: BUCKET,
    accessKeyId: 'bench',
    accessKeySecret: 'bench',
    secure: true,
    authorizationV4: true,
    timeout: DAY,
    httpsAgent: newAgent(),
  } as OSS.Options);
  const key = `baseline/${String(mode)}.raw`;
  if (mode === 'put') await client.put(key, file, { timeout: DAY });
  else if (mode === 'default') await client.multipartUpload(key, file, { timeout: DAY });
  else if (mode === 'tuned') {
    const tuned = { partSize: 10 * 2 ** 20, parallel: 16, timeout: DAY };
    await client.multipartUpload(key, file, tuned);
  } else throw new Error('put, default or tuned');
}

const [mode, file = ''] = process.argv.slice(2);
await measure(() => upload(mode, file));
process.exit();
