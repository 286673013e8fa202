const ENTITIES: Record<string, string> = { quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' };

const decoded = (text: string): string =>
  text.replace(/&(#x?)?(\w+);/gi, (all, number: string | undefined, name: string) => {
    if (number === undefined) return ENTITIES[name] ?? all;
    const point = parseInt(name, number.length === 2 ? 16 : 10);
    return String.fromCodePoint(point > 0 && point <= 0x10ffff ? point : 0xfffd);
  });

const encoded = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The text of the first element of that name in a small XML body that `plainXml` has returned. */
export function textIn(body: Buffer | undefined, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(body?.toString('utf8') ?? '') ?? [];
  return text === undefined ? undefined : decoded(text);
}

/** The error in such a body, as OSS and the RPC services spell it. */
export const errorIn = (body: Buffer | undefined) => ({
  code: textIn(body, 'Code'),
  message: textIn(body, 'Message'),
  requestId: textIn(body, 'RequestId'),
});

/**
 * The same XML in the one spelling that ali-oss reads correctly: to it, an attribute turns a text into an object, the white
 * space in an empty element is a value, a prefix is part of the name, and only `true` means truncated. Returns any other body
 * as it is.
 */
export function plainXml(body: Buffer): Buffer {
  const text = body.toString('utf8').replace(/^\s+/, '');
  if (!text.startsWith('<')) return body;
  const plain = text
    .replace(/<\?.*?\?>\s*|<!--.*?-->/gs, '')
    .replace(/<!\[CDATA\[(.*?)\]\]>/gs, (_, data: string) => encoded(data))
    .replace(/<(\/?)(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*?)?(\/?)>/g, '<$1$2$3>')
    .replace(/>\s+</g, '><')
    .replace(/(?<=<IsTruncated>)true(?=<)/i, 'true');
  return Buffer.from(plain);
}
