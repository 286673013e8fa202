import type { Answer, RecordedRequest } from '../call.ts';
import { type ApiError, fail } from '../errors.ts';
import { type Node, xml } from '../xml.ts';

export function ossError(error: ApiError, record: RecordedRequest): Answer {
  const { status, code, message, extra } = error;
  const { requestId: RequestId, host: HostId } = record;
  const body = xml('Error', { Code: code, Message: message, RequestId, HostId, ...extra });
  const headers = {
    'content-type': 'application/xml',
    ...(extra.EC !== undefined && { 'x-oss-ec': extra.EC }),
    // An answer to HEAD has no body, so the error is sent in a header.
    ...(record.method === 'HEAD' && { 'x-oss-err': Buffer.from(body).toString('base64') }),
  };
  return withCommonHeaders({ status, headers, ...(record.method !== 'HEAD' && { body }) }, record);
}

/** https://www.alibabacloud.com/help/en/oss/developer-reference/common-http-headers */
export function withCommonHeaders(answer: Answer, { requestId }: RecordedRequest): Answer {
  return { ...answer, headers: { server: 'AliyunOSS', 'x-oss-request-id': requestId, ...answer.headers } };
}

export function ok(root: string, node: Node, headers: Record<string, string> = {}): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body: xml(root, node) };
}

/**
 * Sorts what is left of a listing by a text, in UTF-16 code units, and takes the first page. `next` is the last entry of
 * the page if more entries follow.
 */
export function page<T>(rest: T[], by: (one: T) => string, max: string): { shown: T[]; next: T | undefined } {
  const size = Number(max);
  if (!Number.isInteger(size) || size < 1 || size > 1000) fail('InvalidArgument', 'The page size must be 1 to 1000.');
  const shown = rest.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0)).slice(0, size);
  return { shown, next: rest.length > size ? shown.at(-1) : undefined };
}
