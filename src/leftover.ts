import type { Image } from './ecs/images.ts';
import { IMPORT_POLICY, IMPORT_ROLE } from './ecs/role.ts';
import type { ImportRequest } from './inputs.ts';
import type { Made } from './ledger.ts';
import { zeroKeys } from './oss/zeros.ts';

/** What stays when something could not be undone, and the command that undoes it. */
export function howToUndo(made: Made, request: ImportRequest, kept: Image[]): string {
  const { bucket, run } = request;
  const rm = (key: string) => `ossutil rm ${quoted(`oss://${bucket}/${key}`)}`;
  const region = made.kind === 'image' || made.kind === 'replaced' ? made.region : request.region;
  const ecs = (action: string, parameters: string) => `aliyun ecs ${action} --RegionId ${region} ${parameters}`;
  switch (made.kind) {
    case 'upload': {
      const { key, id } = made;
      const command =
        id === undefined
          ? `Look for it: ossutil api list-multipart-uploads --bucket ${bucket} --prefix ${quoted(key)}`
          : `Remove it: ossutil api abort-multipart-upload --bucket ${bucket} --key ${quoted(key)} --upload-id ${id}`;
      return `An unfinished upload of oss://${bucket}/${key} may stay, and its parts cost. ${command}`;
    }
    case 'zeros': {
      const { object, seed } = zeroKeys(made.key, run.mark);
      return `Objects full of zeros may stay. Remove them: ${rm(object)}; ${rm(seed)}`;
    }
    case 'object':
      return `The staged object may stay, and it costs. Remove it: ${rm(made.key)}`;
    case 'image': {
      const { name, id, taskId } = made;
      const done = kept.find((one) => one.id === id || one.name === name);
      if (done !== undefined) {
        const rename = ecs('ModifyImageAttribute', `--ImageId ${done.id} --ImageName ${made.wants}`);
        return `Image ${done.id} is finished, but may not have got its name. Rename it: ${rename}`;
      }
      const image = `--ImageId ${id ?? '<id>'}`;
      const find = ecs('DescribeTasks', '--TaskAction ImportImage');
      const task = taskId === undefined ? find : ecs('CancelTask', `--TaskId ${taskId}`);
      const cancel = made.copy ? ecs('CancelCopyImage', image) : task;
      const remove = ecs('DeleteImage', image);
      return `The import of image ${id ?? name} may go on. Cancel it: ${cancel}; then remove what it leaves: ${remove}`;
    }
    case 'replaced':
      return `The replaced image ${made.id} stays. Remove it: ${ecs('DeleteImage', `--ImageId ${made.id}`)}`;
    case 'role':
      return `The role ${IMPORT_ROLE} may lack its policy. Attach it: aliyun ram AttachPolicyToRole --PolicyType System --PolicyName ${IMPORT_POLICY} --RoleName ${IMPORT_ROLE}`;
  }
}

/** For a shell. */
const quoted = (text: string): string => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
