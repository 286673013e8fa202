/** Lists of names are written as texts. */
export function words(text = ''): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Part of an answer: `ImageId=id` is the field of that name, `SupportCancel:true` stands for itself. */
export function shape(text: string, source: object): Record<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(source));
  return Object.fromEntries(
    words(text).map((word) => {
      const [, name = '', sign, rest = ''] = /^(\w+)([=:])(.*)$/.exec(word) ?? [];
      return [name, sign === '=' ? fields.get(rest) : rest];
    }),
  );
}
