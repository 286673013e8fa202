import { CloudError, excerpt } from '../cloud/errors.ts';

/** The text of the first element of that name in a small XML body. */
export function textIn(body: Buffer | undefined, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(body?.toString('utf8') ?? '') ?? [];
  return text?.replaceAll('&quot;', '"');
}

/** The error in a body of status 200: the service can find an error after it has begun its answer. */
export function failureIn(operation: string, body: Buffer | undefined, code: string, text: string): CloudError {
  const requestId = textIn(body, 'RequestId');
  return new CloudError(operation, textIn(body, 'Code') ?? code, excerpt(textIn(body, 'Message') ?? text), {
    requestId,
  });
}

/** Removes white space between XML elements: ali-oss would read it as the value of an empty element. */
export const withoutLayout = (xml: Buffer): Buffer => Buffer.from(xml.toString('utf8').replace(/>\s+</g, '><'));
