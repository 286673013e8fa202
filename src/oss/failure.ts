import type { IncomingHttpHeaders } from 'node:http';
import { CloudError, excerpt, NOT_THE_SERVICE, textOf, timing } from '../cloud/errors.ts';
import { errorIn, textIn } from '../cloud/xml.ts';
import type { Wire } from './wire.ts';

/** The error of a failed try. */
export function toCloudError(operation: string, thrown: unknown, wire: Wire): CloudError {
  if (thrown instanceof CloudError) return thrown;
  if (wire.failure !== undefined) {
    const { code, name, message } = wire.failure;
    const timeout = name.includes('Timeout');
    // urllib appends the request and its headers to the message.
    return new CloudError(
      operation,
      timeout ? 'Timeout' : (code ?? 'ConnectionLost'),
      excerpt(message.split(', ')[0] ?? ''),
    );
  }
  const { code, requestId } = (thrown ?? {}) as { code?: unknown; requestId?: unknown };
  const { status, headers } = wire;
  const more = { status, requestId: typeof requestId === 'string' ? requestId : undefined, ...pacing(headers) };
  const known = code ?? (wire.body?.length === 0 ? ofBareAnswer(status, headers) : undefined);
  if (typeof known === 'string' && status !== undefined && status >= 300) {
    const endpoint = textIn(wire.body, 'Endpoint');
    // What ali-oss makes up for an answer without a message.
    const said = textOf(thrown).replace(/^unknow .*/is, 'no message');
    return new CloudError(operation, known, excerpt(said) + (endpoint === undefined ? '' : ` (${endpoint})`), more);
  }
  const elsewhere = headers?.location === undefined ? '' : `; it redirects to ${excerpt(headers.location)}`;
  const text = status === undefined ? excerpt(textOf(thrown)) : NOT_THE_SERVICE + elsewhere;
  return new CloudError(operation, status === undefined ? 'InvalidRequest' : 'UnexpectedAnswer', text, more);
}

/** The error in a body of status 200: the service can find an error after it has begun its answer. */
export function failureIn(operation: string, body: Buffer | undefined, text = NOT_THE_SERVICE): CloudError {
  const { code = 'UnexpectedAnswer', message = text, requestId } = errorIn(body);
  return new CloudError(operation, code, excerpt(message), { requestId });
}

/** The error code of an answer without a body, as HEAD has it. EC 0048-00000401 is documented as PublicEndpointForbidden. */
function ofBareAnswer(status: number | undefined, headers: IncomingHttpHeaders | undefined): string | undefined {
  if (headers?.['x-oss-ec'] === '0048-00000401') return 'PublicEndpointForbidden';
  return status === 403 ? 'AccessDenied' : undefined;
}

/** A throttled upload is told how long to wait (https://help.aliyun.com/document_detail/173537.html). */
function pacing(headers: IncomingHttpHeaders | undefined): ReturnType<typeof timing> {
  const delay = Number(headers?.['x-oss-qos-delay-time']);
  return { ...timing(headers), ...(delay > 0 && { retryAfter: Math.min(delay, 60_000) }) };
}
