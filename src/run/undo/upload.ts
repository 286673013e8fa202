import { CloudError, isDenied } from '../../cloud/errors.ts';
import { abortUpload, listUploads, type Unfinished } from '../../oss/objects.ts';
import { isDerived } from '../keys.ts';
import { quoted, type Undo } from './kind.ts';

export const upload: Undo<'upload'> = {
  deadline: 45_000,
  async undo({ key, id }, { clients: { oss }, me }) {
    const known = id === undefined ? [] : [id];
    for (const one of isDerived(key, me) ? await under(key) : known) await abortUpload(oss, key, one);
    if (known.length > 0 || isDerived(key, me)) return undefined;
    throw new CloudError('oss:InitiateMultipartUpload', 'ConnectionLost', 'the answer with the upload id was lost');

    async function under(prefix: string): Promise<string[]> {
      try {
        return (await listUploads(oss, prefix)).filter((one) => one.key === prefix).map((one) => one.id);
      } catch (error) {
        if (!isDenied(error) || id === undefined) throw error;
        return known;
      }
    }
  },
  byHand({ key, id }, { request: { bucket } }) {
    const what = `An unfinished upload of oss://${bucket}/${key} may still exist and is billed`;
    const look = `ossutil api list-multipart-uploads --bucket ${bucket} --prefix ${quoted(key)}`;
    return id === undefined
      ? `${what}. Look for it: ${look}`
      : `${what}. Remove it: ${abortCommand(bucket, { key, id })}`;
  },
};

export const abortCommand = (bucket: string, { key, id }: Unfinished): string =>
  `ossutil api abort-multipart-upload --bucket ${bucket} --key ${quoted(key)} --upload-id ${id}`;
