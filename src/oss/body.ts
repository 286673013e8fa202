import { CloudError, excerpt } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';

/** What a body says that is not the wanted one: the service may begin its answer with 200 and find an error afterwards. */
export function failureIn(operation: string, body: Buffer | undefined, code: string, text: string): CloudError {
  const requestId = textIn(body, 'RequestId');
  return new CloudError(operation, textIn(body, 'Code') ?? code, excerpt(textIn(body, 'Message') ?? text), {
    requestId,
  });
}
