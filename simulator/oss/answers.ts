import type { Answer, OssCall, RecordedRequest } from '../call.ts';
import { type ApiError, fail } from '../errors.ts';
import { type Node, xml } from '../xml.ts';

/** Headers of every answer: https://www.alibabacloud.com/help/en/oss/developer-reference/common-http-headers */
function ossHeaders(record: RecordedRequest): Record<string, string> {
  return { server: 'AliyunOSS', 'x-oss-request-id': record.requestId, 'x-oss-server-time': '12' };
}

export function ossError(error: ApiError, record: RecordedRequest): Answer {
  const { code, message, extra } = error;
  const node = { Code: code, Message: message, RequestId: record.requestId, HostId: record.host, ...extra };
  const body = xml('Error', node);
  const headers = {
    ...ossHeaders(record),
    'content-type': 'application/xml',
    ...(extra.EC !== undefined && { 'x-oss-ec': extra.EC }),
  };
  if (record.method !== 'HEAD') return { status: error.status, headers, body };
  // An answer to HEAD has no body, so the error is sent in a header.
  return { status: error.status, headers: { ...headers, 'x-oss-err': Buffer.from(body).toString('base64') } };
}

export function ok(call: OssCall, root: string, node: Node, headers: Record<string, string> = {}): Answer {
  return { ...empty(call, 200, { 'content-type': 'application/xml', ...headers }), body: xml(root, node) };
}

export function empty(call: OssCall, status: number, headers: Record<string, string> = {}): Answer {
  return { status, headers: { ...ossHeaders(call.record), ...headers } };
}

/** The first page of what is left of a sorted listing. `next` is the last entry of the page if more entries follow. */
export function page<T>(rest: T[], max: string): { shown: T[]; next: T | undefined } {
  const size = Number(max);
  if (!Number.isInteger(size) || size < 1 || size > 1000) fail('InvalidArgument', 'The page size must be 1 to 1000.');
  const shown = rest.slice(0, size);
  return { shown, next: rest.length > size ? shown.at(-1) : undefined };
}

/** Sorts by UTF-16 code units. */
export function sorted<T>(all: T[], by: (one: T) => string): T[] {
  return all.sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
}
