import type { Distribution } from '../run/request.ts';
import type { Fields, Form } from './fields.ts';

const REGION: Form = { test: /^[a-z]{2,}(-[a-z0-9]+)+$/, meaning: 'a region ID such as cn-beijing' };
const ACCOUNT: Form = { test: /^\d{10,20}$/, meaning: 'an account ID, which is a number' };
const KEY: Form = { test: /^[\w-]{8,64}$/, meaning: 'the ID of a KMS key' };

/** Reads the inputs about copies, encryption and sharing. Names and keys of copies are in the order of the regions. */
export function readDistribution(fields: Fields, region: string, imageName: string, nameForm: Form): Distribution {
  const regions = fields.list('image_copy_regions', REGION);
  const names = fields.list('image_copy_names', nameForm);
  const keys = fields.list('kms_key_copy_ids', KEY);
  const accounts = fields.list('image_share_account', ACCOUNT);
  const encrypted = fields.flag('image_encrypted', false);
  const kmsKeyId = fields.optional('kms_key_id', KEY);
  const { problems } = fields;
  if (new Set([...regions, region]).size <= regions.length) {
    problems.push('image_copy_regions contains a region twice, or the region of the image itself.');
  }
  if (names.length > regions.length) problems.push('image_copy_names has more entries than image_copy_regions.');
  if (keys.length > regions.length) problems.push('kms_key_copy_ids has more entries than image_copy_regions.');
  if (!encrypted && (kmsKeyId !== undefined || keys.length > 0)) {
    problems.push('kms_key_id and kms_key_copy_ids need image_encrypted: true.');
  }
  if (accounts.length > 50) problems.push('image_share_account has more than 50 accounts, which is the limit of ECS.');
  if (encrypted && accounts.length > 0 && kmsKeyId === undefined) {
    problems.push('Sharing an encrypted image requires your own KMS key: set kms_key_id.');
  }
  const copies = regions.map((to, n) => ({ region: to, name: names[n] ?? imageName, kmsKeyId: keys[n] }));
  return { copies, encrypted, kmsKeyId, accounts };
}
