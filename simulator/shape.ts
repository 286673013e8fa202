/** Part of an answer: `ImageId=id` is the field of that name, `SupportCancel:true` stands for itself. */
export function shape(words: string, source: object): Record<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(source));
  return Object.fromEntries(
    words.split(/\s+/).map((word) => {
      const [, name = '', sign, rest = ''] = /^(\w+)([=:])(.*)$/.exec(word) ?? [];
      return [name, sign === '=' ? fields.get(rest) : rest];
    }),
  );
}

export function shapeTags(tags: Record<string, string>): object {
  return { Tag: Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue })) };
}
