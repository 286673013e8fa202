/** Questions that the calls themselves answer, without waiting for an import. */
import { listAt, parsed, textAt } from '../../src/cloud/json.ts';
import { makeBucket } from '../../src/oss/bucket.ts';
import type { Sdk } from '../../src/oss/sdk.ts';
import type { Ask } from './account.ts';
import { asked, dryRun, headOfDisk, passed, put, refusal, said } from './imports.ts';

const SUFFIXES = ['.raw', '.vhd', '.qcow2', '.vmdk', '.img', '.iso', '.bin', '.zip', '.tar.gz', '.exe', ''];

/** Does a dry run for each suffix. If none is refused, an import shows whether dry runs check the suffix at all. */
export const askSuffixes: Ask = async (live) => {
  const { cloud } = live;
  const bytes = await headOfDisk();
  const taken: string[] = [];
  const refused: string[] = [];
  for (const suffix of SUFFIXES) {
    const key = `suffix${suffix}`;
    await put(cloud.oss, key, bytes);
    const verdict = await dryRun(cloud.ecs, asked(live, 'suffix', { key }));
    if (passed(verdict)) taken.push(suffix || 'none');
    else refused.push(`${suffix || 'none'} (${said(verdict)})`);
  }
  const list = `dry runs take ${taken.join(' ') || 'none'}; they refuse ${refused.join(', ') || 'none'}`;
  if (list.includes('UnsupportedSuffix')) return list;
  const odd = await refusal(cloud.ecs('ImportImage', asked(live, 'suffix', { key: 'suffix.exe' })));
  return `${list}; an import of suffix.exe ${odd === undefined ? 'is taken' : `is refused: ${said(odd)}`}`;
};

/** https://help.aliyun.com/document_detail/117914.html */
interface EncryptionSdk {
  putBucketEncryption(bucket: string, options: { SSEAlgorithm: string }): Promise<unknown>;
}

export const askEncryption: Ask = async (live) => {
  const { oss, ecs } = live.at(live.encrypted, live.region);
  await makeBucket(oss);
  const bytes = await headOfDisk();
  const verdicts: string[] = [];
  for (const SSEAlgorithm of ['AES256', 'KMS']) {
    const key = `${SSEAlgorithm}.raw`;
    const encrypt = (sdk: Sdk) => (sdk as unknown as EncryptionSdk).putBucketEncryption(oss.bucket, { SSEAlgorithm });
    const work = async () => {
      await oss.call('oss:PutBucketEncryption', encrypt);
      await put(oss, key, bytes);
      await ecs('ImportImage', asked(live, SSEAlgorithm, { key, bucket: oss.bucket }));
    };
    const no = await refusal(work());
    verdicts.push(`${SSEAlgorithm}: ${no === undefined ? 'the import is taken' : said(no)}`);
  }
  return verdicts.join('; ');
};

export const askDryRun: Ask = async (live, answer) => {
  const { cloud, prefix } = live;
  await put(cloud.oss, 'dry.raw', await headOfDisk());
  const plain = await dryRun(cloud.ecs, asked(live, 'dry', { key: 'dry.raw' }));
  answer(5, passed(plain) ? `${plain.code}, "${plain.message}"` : `the dry run did not pass: ${said(plain)}`);
  const object = await dryRun(cloud.ecs, asked(live, 'dry', { key: 'missing.raw' }));
  const role = await dryRun(cloud.ecs, asked(live, 'dry', { key: 'dry.raw', role: `${prefix}nobody` }));
  const verdict = (one: typeof object) => (passed(one) ? `not checked (${one.code})` : `checked (${said(one)})`);
  return `object: ${verdict(object)}; role: ${verdict(role)}`;
};

/** Only reads the setting, because it affects the whole account. */
export const askDefaultEncryption: Ask = async ({ cloud, imageId, region }) => {
  const status = await cloud.ecs('DescribeDiskEncryptionByDefaultStatus');
  if (textAt(status, 'Encrypted') !== 'true') {
    return `not asked: encryption of disks by default is off in ${region}, and a setting of the account`;
  }
  return imageId === '' ? 'no: see the error of the action in the log' : `yes, with the setting on: ${imageId}`;
};

/** Starts two imports in a session that may only import; one of them has a tag. */
export const askTagRight: Ask = async (live) => {
  const limited = await live.limitedTo(['ecs:ImportImage', 'ram:PassRole']);
  await put(live.cloud.oss, 'tags.raw', await headOfDisk());
  const verdicts: string[] = [];
  for (const tags of [{}, { live: 'tag' }]) {
    const name = 'live' in tags ? 'tagged' : 'untagged';
    const no = await refusal(limited.ecs('ImportImage', asked(live, name, { key: 'tags.raw', tags })));
    verdicts.push(`${name}: ${no === undefined ? 'taken' : said(no)}`);
  }
  return `with ecs:ImportImage alone, ${verdicts.join('; ')}`;
};

export const askImportPolicy: Ask = async ({ cloud }) => {
  const name = { PolicyType: 'System', PolicyName: 'AliyunECSImageImportRolePolicy' };
  const document = textAt(await cloud.ram('GetPolicy', name), 'DefaultPolicyVersion', 'PolicyDocument') ?? '';
  const statements = listAt(parsed(document), 'Statement');
  return statements.length > 0 ? statements.map((one) => JSON.stringify(one)).join('; ') : document;
};
