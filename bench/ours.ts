/** The upload of the action as a process: `node bench/ours.ts <file>`. The action's checks before it are not measured. */
import { open } from 'node:fs/promises';
import { which } from '@actions/io';
import { openAgent } from '../src/cloud/agents.ts';
import { dataExtents } from '../src/disk/extents.ts';
import { openOss } from '../src/oss/client.ts';
import { upload } from '../src/oss/upload.ts';
import { BUCKET, REGION, measure } from './measure.ts';

const keys = { accessKeyId: 'bench', accessKeySecret: 'bench' };
const say = (line: string): void => {
  console.error(line);
};
const connection = {
  credentials: Object.assign(() => Promise.resolve(keys), { forget: () => false }),
  agent: openAgent(process.env),
  log: { info: say, warning: say },
  clock: { behind: 0 },
  deadline: { at: Infinity },
};

const handle = await open(process.argv[2] ?? '');
await measure(async () => {
  const { size, blocks } = await handle.stat();
  const disk = { handle, size, allocated: blocks * 512 };
  const source = { ...disk, extents: await dataExtents(disk, await which('python3')) };
  const oss = openOss({ region: REGION, bucket: BUCKET, host: `oss-${REGION}.aliyuncs.com` }, connection);
  const key = 'bench/ours.raw';
  const mark = '0123456789abcdef.1.01234567';
  const nothing = () => undefined;
  await upload(oss, source, {
    key,
    mark,
    zeros: key,
    isOurs: () => true,
    onUpload: nothing,
    noUpload: nothing,
    onZeros: nothing,
    noZeros: nothing,
  });
});
process.exit();
