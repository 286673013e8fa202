import { CloudError, excerpt, NOT_THE_SERVICE } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';

/** What a body says that is not the wanted one: the service may begin its answer with 200 and find an error afterwards. */
export function failureIn(operation: string, body: Buffer | undefined, code: string, text: string): CloudError {
  const requestId = textIn(body, 'RequestId');
  return new CloudError(operation, textIn(body, 'Code') ?? code, excerpt(textIn(body, 'Message') ?? text), {
    requestId,
  });
}

/** Takes the answer to Complete for what it is: to ali-oss, any with status 200 is a success. @throws CloudError */
export function refuseOther200<T extends { res: { data?: Buffer } }>(answer: T): T {
  const { data } = answer.res;
  if (data?.includes('<CompleteMultipartUploadResult')) return answer;
  throw failureIn('oss:CompleteMultipartUpload', data, 'UnexpectedAnswer', NOT_THE_SERVICE);
}
