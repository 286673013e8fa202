import { CloudError } from '../../cloud/errors.ts';
import { abortUpload, abortUploads, type Unfinished } from '../../oss/objects.ts';
import { isDerived } from '../keys.ts';
import { quoted, type Undo } from './kind.ts';

export const upload: Undo<'upload'> = {
  deadline: 45_000,
  async undo({ key, id }, { clients: { oss }, me }) {
    if (id !== undefined) await abortUpload(oss, key, id);
    else if (isDerived(key, me)) await abortUploads(oss, key);
    else
      throw new CloudError('oss:InitiateMultipartUpload', 'ConnectionLost', 'the answer with the upload id was lost');
  },
  byHand({ key, id }, bucket) {
    const what = `An unfinished upload of oss://${bucket}/${key} may still exist and is billed`;
    const look = `ossutil api list-multipart-uploads --bucket ${bucket} --prefix ${quoted(key)}`;
    return id === undefined
      ? `${what}. Look for it: ${look}`
      : `${what}. Remove it: ${abortCommand(bucket, { key, id })}`;
  },
};

export const abortCommand = (bucket: string, { key, id }: Unfinished): string =>
  `ossutil api abort-multipart-upload --bucket ${bucket} --key ${quoted(key)} --upload-id ${id}`;
