import { CloudError, excerpt } from '../cloud/errors.ts';

/** The text of the first element of that name in a small XML body. */
export function textIn(body: Buffer | undefined, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(body?.toString('utf8') ?? '') ?? [];
  return text?.replaceAll('&quot;', '"');
}

/** What a body says that is not the wanted one: the service may begin its answer with 200 and find an error afterwards. */
export function failureIn(operation: string, body: Buffer | undefined, code: string, text: string): CloudError {
  const requestId = textIn(body, 'RequestId');
  return new CloudError(operation, textIn(body, 'Code') ?? code, excerpt(textIn(body, 'Message') ?? text), {
    requestId,
  });
}

/** XML without the white space between its elements: ali-oss takes that of an empty element for a value. */
export const withoutLayout = (xml: Buffer): Buffer => Buffer.from(xml.toString('utf8').replace(/>\s+</g, '><'));
