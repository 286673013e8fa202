import type { Answer, Spelling } from '../../simulator/index.ts';

// Other spellings of the simulator's answers: another service, or a later version of this one, may well use them.

type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };

/** Rewrites each value of a JSON answer, from the inside out; undefined leaves a field out. */
function json(change: (value: Json, name: string) => Json, status = (now: number) => now): Spelling {
  const walk = (value: Json, name: string): Json => {
    const inner = Array.isArray(value)
      ? value.map((one) => walk(one, name))
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one, key)]))
        : value;
    return change(inner, name);
  };
  return (answer, { service }) => {
    if (!['ecs', 'ram', 'sts'].includes(service) || answer.body === undefined) return answer;
    const body = JSON.stringify(walk(JSON.parse(answer.body) as Json, ''));
    return { ...answer, body, status: status(answer.status) };
  };
}

/** Rewrites the XML of OSS, errors included. */
const xml =
  (change: (text: string) => string, more: Answer['headers'] = {}): Spelling =>
  (answer) =>
    answer.body?.startsWith('<?xml') === true
      ? { ...answer, headers: { ...answer.headers, ...more }, body: change(answer.body) }
      : answer;

/** Rewrites the headers of OSS; undefined leaves one out. */
const headers =
  (change: (name: string, value: string) => [string, string] | undefined, more: Answer['headers'] = {}): Spelling =>
  (answer, { service }) => {
    const changed = Object.entries(answer.headers ?? {}).flatMap(([name, value]) => {
      const one = change(name, value);
      return one === undefined ? [] : [one];
    });
    return service === 'oss' ? { ...answer, headers: { ...Object.fromEntries(changed), ...more } } : answer;
  };

export const all =
  (...spellings: Spelling[]): Spelling =>
  (answer, request) =>
    spellings.reduce((now, spelling) => spelling(now, request), answer);

const isEmpty = (value: Json): boolean =>
  value === '' ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && Object.values(value).every((one) => one === undefined));

const withDate = (value: Json, ending: string): Json =>
  typeof value === 'string' ? value.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d):\d\dZ$/, `$1${ending}`) : value;

/** Gives half of a listing as the first page and the rest as the second. */
function shortPages(): Spelling {
  const rests = new Map<string, Json[]>();
  return (answer, { operation, params = {} }) => {
    if (operation !== 'ecs:DescribeImages' || params.ImageId !== undefined || answer.status !== 200) return answer;
    const body = JSON.parse(answer.body ?? '') as { Images: { Image: Json[] } };
    const region = params.RegionId ?? '';
    const { Image: found } = body.Images;
    const shown = params.PageNumber === '1' ? found.splice(0, Math.ceil(found.length / 2)) : (rests.get(region) ?? []);
    if (params.PageNumber === '1') rests.set(region, found);
    const TotalCount = shown.length + found.length;
    return { ...answer, body: JSON.stringify({ ...body, TotalCount, Images: { Image: shown } }) };
  };
}

/** Errors of the RPC services in the format that is their default. */
const errorsAsXml: Spelling = (answer, { service }) => {
  if (service === 'oss' || answer.status < 400 || answer.body === undefined) return answer;
  const { Code = '', Message = '', RequestId = '' } = JSON.parse(answer.body) as Record<string, string>;
  const text = Message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const body = `<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>${RequestId}</RequestId><Code>${Code}</Code><Message>${text}</Message></Error>`;
  return { ...answer, headers: { 'content-type': 'text/xml;charset=utf-8' }, body };
};

const isText = />([^<>]+)<(?=\/)/g;
const decoded = (text: string): string =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

const without =
  (...names: string[]) =>
  (name: string, value: string): [string, string] | undefined =>
    names.includes(name) ? undefined : [name, value];

const OTHER_CODES: Record<string, string> = {
  NoSetRoletoECSServiceAcount: 'NoSetRoletoECSServiceAccount',
  DryRunOperation: 'DRYRUN.SUCCESS',
};

/** Gives the RequestId of an RPC service in the header alone. */
const requestIdInHeader: Spelling = (answer, { service }) => {
  if (service === 'oss' || answer.body === undefined) return answer;
  const { RequestId, ...body } = JSON.parse(answer.body) as { RequestId: string };
  return { ...answer, headers: { ...answer.headers, 'x-acs-request-id': RequestId }, body: JSON.stringify(body) };
};

const OTHER_TASK = { TaskId: 't-other', TaskAction: 'ImportImage', TaskStatus: 'Failed', ResourceId: 'm-other' };

/** A run comes to the same result under each of these. */
export const SPELLINGS: Record<string, () => Spelling> = {
  'sparse JSON': () =>
    json((value, name) => {
      if (/^(Progress|RemainTime|Size|HostId|Recommend|Message|FinishedTime|AccessMonitor)$/.test(name))
        return undefined;
      if (isEmpty(value)) return undefined;
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : withDate(value, 'Z');
    }),
  'rich JSON': () =>
    json(
      (value, name) => {
        if (isEmpty(value) && name !== '') return null;
        if (name === 'Code' && typeof value === 'string') return OTHER_CODES[value] ?? value;
        if (name === 'AccountId') return undefined;
        if (Array.isArray(value) && value.length === 1) return value[0];
        if (typeof value === 'string' && /^[1-9]\d{0,15}%?$/.test(value)) return parseInt(value, 10);
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return withDate(value, ':59.123Z');
        if (name === 'Tag') return { Key: value.TagKey, Value: value.TagValue };
        return { Unknown: { Item: [{ Code: 1 }] }, ...value };
      },
      (status) => (status === 400 ? 403 : status === 404 ? 400 : status),
    ),
  'short pages': () =>
    all(
      shortPages(),
      json((value, name) => (name === 'Status' && value === 'Creating' ? 'Waiting' : value)),
      json((value, name) => (name === 'Task' && Array.isArray(value) ? [OTHER_TASK, ...value] : value)),
    ),
  'XML errors': () => errorsAsXml,
  'RequestId in the header': () => requestIdInHeader,
  layout: () =>
    xml(
      (text) =>
        `\uFEFF${text}`
          .replaceAll('><', '>\r\n\t<')
          .replaceAll(/<(\/?)(?=\w)/g, '<$1oss:')
          .replaceAll(/<oss:(\w+)>/g, '<oss:$1 xmlns:oss="http://doc.oss-cn-beijing.aliyuncs.com" type=\'x\'>')
          .replace('?>', '?><!-- <Code>None</Code> -->'),
      { 'content-type': 'text/xml; charset=UTF-8' },
    ),
  CDATA: () =>
    xml(
      (text) =>
        text
          .replace(/^<\?xml.*\?>\s*/, '')
          .replaceAll(isText, (_, inner: string) => `><![CDATA[${decoded(inner)}]]><`)
          .replaceAll(/<(\w+)><\/\1>/g, '<$1 />'),
      { 'content-type': 'Application/XML' },
    ),
  entities: () =>
    all(
      xml((text) =>
        text
          .replaceAll(
            isText,
            (_, inner: string) => `>${inner.replaceAll('/', '&#x2F;').replaceAll('&#34;', '&quot;')}<`,
          )
          .replaceAll('>true<', '>True<')
          .replace('<IsTruncated>false</IsTruncated>', '')
          .replace(/^/, '  \n '),
      ),
      headers(without('content-type')),
    ),
  'other values': () =>
    all(
      xml((text) =>
        text
          .replace(/<ID>(\d+)<\/ID>/, '<ID> $1 </ID>')
          .replaceAll('<Location>oss-', '<Location>')
          .replaceAll(/<ETag>.*?(\w{32}.*?)&#34;/g, (_, etag: string) => `<ETag>${etag.toLowerCase()}`)
          .replaceAll('<SSEAlgorithm>None</SSEAlgorithm>', '<SSEAlgorithm></SSEAlgorithm>')
          .replace(/<Error>.*?(<Code>.*?<\/Code>).*<\/Error>/s, '<Error>$1</Error>'),
      ),
      (answer, { method }) => (method === 'DELETE' && answer.status === 204 ? { ...answer, status: 200 } : answer),
    ),
  'bare ETag': () =>
    all(
      headers((name, value) => [name.toUpperCase(), name === 'etag' ? value.replaceAll('"', '').toLowerCase() : value]),
      (answer, { method }) => (method === 'HEAD' ? { ...answer, length: 0 } : answer),
    ),
  chunked: () => (answer, request) => {
    const { operation, service } = request;
    const more = { 'transfer-encoding': 'chunked', connection: 'close' };
    if (service !== 'oss')
      return answer.status === 204 ? answer : { ...answer, headers: { ...answer.headers, ...more } };
    const drop = operation === 'oss:CompleteMultipartUpload' ? ['etag', 'x-oss-hash-crc64ecma'] : [];
    return headers(without(...drop), answer.status === 204 ? {} : more)(answer, request);
  },
  'no CRC': () => headers(without('x-oss-hash-crc64ecma')),
};

/** @throws Error for a name that is not in the table */
export function spelled(name: string): Spelling {
  const spelling = SPELLINGS[name];
  if (spelling === undefined) throw new Error(`no spelling is called ${name}`);
  return spelling();
}
