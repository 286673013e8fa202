/** The words of a text, which is how lists of names are written. */
export function words(text = ''): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Part of an answer: `ImageId=id` is the field `id` of the source if it is set, `SupportCancel:true` the text `true`. */
export function shape(text: string, source: object): Record<string, string> {
  const fields = new Map(Object.entries(source) as [string, string][]);
  return Object.fromEntries(
    words(text).flatMap((word) => {
      const [, name = '', sign, rest = ''] = /^(\w+)([=:])(.*)$/.exec(word) ?? [];
      const value = sign === '=' ? fields.get(rest) : rest;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
