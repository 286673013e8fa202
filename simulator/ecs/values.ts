import type { RpcCall } from '../call.ts';
import { fail } from '../errors.ts';

/** `Prefix.1.Field` parameters as a list of objects. The field of a bare `Prefix.1` is ''. */
export function numbered(params: Record<string, string>, prefix: string): Record<string, string>[] {
  const groups = new Map<number, Record<string, string>>();
  for (const [name, value] of Object.entries(params)) {
    const [, number, field = ''] = new RegExp(`^${prefix}\\.(\\d+)(?:\\.(.+))?$`).exec(name) ?? [];
    if (number === undefined) continue;
    groups.set(Number(number), { ...groups.get(Number(number)), [field]: value });
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}

export function list(params: Record<string, string>, prefix: string): string[] {
  return numbered(params, prefix).map((group) => group[''] ?? '');
}

/** What the caller's account has in a region. */
export function own<T extends { owner: string; region: string }>(call: RpcCall, all: T[], region = call.region): T[] {
  return all.filter((one) => one.owner === call.account.id && one.region === region);
}

/** The rules for names of images and image families: https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-importimage */
export function isName(text: string): boolean {
  const wellFormed = /^[A-Za-z\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff.:_-]{1,127}$/.test(text);
  return wellFormed && !/^(aliyun|acs:)|https?:\/\//i.test(text);
}

export function checkName(call: RpcCall, name: string, region: string): void {
  if (!isName(name)) fail('InvalidImageName.Malformed');
  if (own(call, call.world.images, region).some((image) => image.name === name)) {
    fail('InvalidImageName.Duplicated', 'The specified Image name has already been used.');
  }
}

export function checkDescription(description: string | undefined): void {
  if (description === undefined) return;
  const valid = description.length >= 2 && description.length <= 256 && !/^https?:\/\//.test(description);
  if (!valid) fail('InvalidDescription.Malformed');
}

export function checkOneOf(value: string | undefined, allowed: string[], code: string): void {
  if (value !== undefined && !allowed.includes(value)) fail(code, `The specified value is not valid: ${value}`);
}

/** Tag.N.Key and Tag.N.Value: https://www.alibabacloud.com/help/en/ecs/user-guide/tag-overview */
export function readTags(call: RpcCall): Record<string, string> {
  const tags = numbered(call.params, 'Tag').map(({ Key = '', Value = '' }): [string, string] => [Key, Value]);
  if (tags.length > 20) fail('InvalidParameter', 'At most 20 tags are allowed.');
  for (const [key, value] of tags) {
    if (key === '' || key.length > 128 || /^(aliyun|acs:)|https?:\/\//.test(key)) fail('InvalidTagKey.Malformed');
    if (value.length > 128 || /^acs:|https?:\/\//.test(value)) fail('InvalidTagValue.Malformed');
  }
  if (new Set(tags.map(([key]) => key.toLowerCase())).size < tags.length) fail('TagKey.Duplication');
  return Object.fromEntries(tags);
}

export function checkQuota(call: RpcCall, region: string): void {
  if (own(call, call.world.images, region).length >= call.account.imageQuota) fail('QuotaExceed.Image');
}
