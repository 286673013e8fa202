import type { RecordedRequest } from '../../simulator/index.ts';
import { isImport, type Cloud } from './jobs.ts';

/** Records what each job makes, and returns each change of another job's unfinished resource. */
export function watchNeighbours({ before, after, world }: Cloud): string[] {
  const makers = new Map<string, string>();
  const trespasses: string[] = [];
  /** The maker of the resource in a request, looked up before it is executed; the sender is known only afterwards. */
  const touched = new WeakMap<RecordedRequest, [target: string, maker: string][]>();
  const who = ({ caller }: RecordedRequest): string => caller?.replace(/^.*\//, '') ?? 'nobody';
  after.add((request) => {
    const { params, code, key, bucket = '', operation } = request;
    for (const [target, maker] of touched.get(request) ?? [])
      if (maker !== who(request)) trespasses.push(`${who(request)}: ${operation} of ${target}, which ${maker} made`);
    if (code !== undefined) return;
    const made: string[] = [];
    if (isImport(request)) {
      const image = world.images.find(({ name, region }) => name === params?.ImageName && region === params.RegionId);
      const task = world.tasks.find(({ imageId }) => imageId === image?.id);
      made.push(image?.id ?? '', task?.id ?? '');
    }
    if (operation === 'oss:InitiateMultipartUpload') {
      const fresh = [...(world.bucket(bucket)?.uploads.values() ?? [])].find(
        (upload) => upload.key === key && !makers.has(upload.id),
      );
      made.push(fresh?.id ?? '');
    }
    if (operation === 'oss:CompleteMultipartUpload' || operation === 'oss:PutObject')
      made.push(`${bucket}/${key ?? ''}`);
    for (const id of made) if (!makers.has(id)) makers.set(id, who(request));
    if (operation === 'oss:DeleteObject') makers.delete(`${bucket}/${key ?? ''}`);
  });
  before.add((request) => {
    const { operation, params, query, bucket = '', key = '' } = request;
    const targets: (string | undefined)[] = [];
    if (/ecs:(Delete|Modify|Cancel)/.test(operation) && params?.DryRun !== 'true') {
      const image = world.images.find(({ id }) => id === params?.ImageId);
      const isFinished = image?.status === 'Available' || image?.status === 'Deprecated';
      targets.push(params?.TaskId, isFinished ? undefined : params?.ImageId);
    }
    if (/oss:(UploadPart|Complete|Abort)/.test(operation)) targets.push(query?.uploadId);
    if (/oss:(DeleteObject|PutObject)/.test(operation)) targets.push(`${bucket}/${key}`);
    const made = targets.map((target = ''): [string, string] => [target, makers.get(target) ?? '']);
    touched.set(
      request,
      made.filter(([, maker]) => maker !== ''),
    );
  });
  return trespasses;
}
