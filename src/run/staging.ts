import { contentName } from '../disk/disk.ts';
import { removeObject } from '../oss/objects.ts';
import { fileSum } from '../oss/sum.ts';
import type { Staging } from '../oss/staging.ts';
import { upload, type StagedObject } from '../oss/upload.ts';
import { sourceOf } from './content.ts';
import type { Context } from './context.ts';
import { claimTo } from './keys.ts';
import { isOurs, markText } from './ownership.ts';
import type { FoundObject, ObjectPlan } from './plan-objects.ts';
import type { Plan } from './preflight.ts';
import { undoAll } from './undo/undo.ts';

/**
 * Uploads all disks, one after another, as each can use the whole bandwidth; none when an image is adopted.
 * @throws CloudError, DiskError
 */
export async function stageDisks(context: Context, plan: Plan): Promise<StagedObject[]> {
  const { request, log } = context;
  if (plan.targets.some(({ kind, adopt }) => kind !== 'copy' && adopt !== undefined)) return [];
  const staged: StagedObject[] = [];
  for (const [n, object] of plan.objects.entries()) {
    const title = `Upload ${contentName(object.disk)} to oss://${request.bucket}/${object.key}`;
    staged.push(await log.group(title, () => stageDisk(context, object, plan.sums?.[n])));
  }
  return staged;
}

async function stageDisk(
  context: Context,
  { disk, key, zeros, found, upload: unfinished }: ObjectPlan,
  sum: string | undefined,
): Promise<StagedObject> {
  const { clients, ledger, me } = context;
  const source = await sourceOf(disk);
  if (found !== undefined) {
    // Not every answer to HEAD carries the length.
    const same = (found.size || disk.size) === disk.size && found.crc64 === (sum ?? (await fileSum(source)));
    if (same) return reuse(context, { ...found, size: disk.size });
    // Under the same key it has to be deleted now; under an earlier attempt's key it is deleted in the end.
    if (found.key === key) {
      await removeObject(clients.oss, { ...claimTo(key, me), etag: found.etag });
      ledger.forget({ kind: 'object', key });
    }
  }
  const staging: Staging = {
    key,
    unfinished,
    zeros,
    mark: markText(me),
    isOurs: (mark) => isOurs(mark, me),
    onUpload: (under, id) => {
      ledger.record({ kind: 'object', key: under });
      ledger.record({ kind: 'upload', key: under, id });
    },
    noUpload: (under, id) => {
      ledger.forget({ kind: 'upload', key: under, id });
    },
    onZeros: () => {
      ledger.record({ kind: 'zeros', key: zeros });
    },
    noZeros: () => {
      ledger.forget({ kind: 'zeros', key: zeros });
    },
  };
  const staged = await upload(clients.oss, source, staging);
  ledger.record({ kind: 'object', key: staged.key, etag: staged.etag, versionId: staged.versionId });
  // The zero objects are not needed any more.
  const copied = ledger.made().filter(({ kind }) => kind === 'zeros');
  const { leftovers } = await undoAll(context, copied);
  if (leftovers.length === 0) ledger.forget(...copied);
  return staged;
}

function reuse({ ledger, log }: Context, { key, size, etag, versionId, crc64 = '' }: FoundObject): StagedObject {
  ledger.record({ kind: 'object', key, etag, versionId });
  log.info('An earlier attempt uploaded the same bytes: no data has to be sent.');
  return { key, size, etag, versionId, crc64, ms: 0, sent: 0, zeros: 0 };
}
