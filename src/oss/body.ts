import { CloudError, excerpt, NOT_THE_SERVICE } from '../cloud/errors.ts';
import { textIn } from '../cloud/xml.ts';

/** The error in a body of status 200: the service can find an error after it has begun its answer. */
export function failureIn(operation: string, body: Buffer | undefined, code: string, text: string): CloudError {
  const requestId = textIn(body, 'RequestId');
  return new CloudError(operation, textIn(body, 'Code') ?? code, excerpt(textIn(body, 'Message') ?? text), {
    requestId,
  });
}

/** Throws the error in an answer with status 200, which ali-oss would take for a success. @throws CloudError */
export function refuseOther200<T extends { res: { data?: Buffer } }>(answer: T): T {
  const { data } = answer.res;
  if (data?.includes('<CompleteMultipartUploadResult')) return answer;
  throw failureIn('oss:CompleteMultipartUpload', data, 'UnexpectedAnswer', NOT_THE_SERVICE);
}
