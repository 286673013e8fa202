import { createHash, createHmac } from 'node:crypto';

/** Percent-encoding of RFC 3986, which all signatures of Alibaba Cloud use. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function byCodeUnit([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface Signed {
  stringToSign: string;
  canonicalRequest?: string;
  signature: string;
}
export interface OssRequest {
  method: string;
  bucket?: string | undefined;
  key?: string | undefined;
  query: [string, string][];
  headers: Record<string, string>;
}

function path({ bucket, key }: OssRequest): string {
  return `/${bucket === undefined ? '' : `${bucket}/`}${key ?? ''}`;
}

function queryText(query: [string, string][]): string {
  const sorted = query.sort(byCodeUnit).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  return sorted.join('&');
}

function headerText(headers: Record<string, string>, isSigned: (name: string) => boolean): string {
  const signed = Object.entries(headers).filter(([name]) => isSigned(name));
  return signed
    .sort(byCodeUnit)
    .map(([name, value]) => `${name}:${value.trim()}\n`)
    .join('');
}

/**
 * The V4 signature in the Authorization header of OSS:
 * https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
 */
export function ossV4(request: OssRequest, secret: string, scope: string, additional: string[]): Signed {
  const { method, headers } = request;
  const query = queryText(request.query.map(([name, value]) => [encode(name), encode(value)]));
  const signed = headerText(
    headers,
    (name) => /^(content-type|content-md5|x-oss-.*)$/.test(name) || additional.includes(name),
  );
  const canonicalRequest = [
    method,
    encode(path(request)).replaceAll('%2F', '/'),
    query,
    signed,
    additional.join(';'),
    headers['x-oss-content-sha256'] ?? '',
  ].join('\n');
  const hash = createHash('sha256').update(canonicalRequest).digest('hex');
  const stringToSign = ['OSS4-HMAC-SHA256', headers['x-oss-date'] ?? '', scope, hash].join('\n');
  let signing = Buffer.from(`aliyun_v4${secret}`);
  for (const step of scope.split('/')) signing = createHmac('sha256', signing).update(step).digest();
  return {
    stringToSign,
    canonicalRequest,
    signature: createHmac('sha256', signing).update(stringToSign).digest('hex'),
  };
}

/** The signature of RPC calls: https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism */
export function rpc(method: string, params: Record<string, string>, secret: string): Signed {
  const pairs = Object.entries(params)
    .filter(([name]) => name !== 'Signature')
    .sort(byCodeUnit)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`);
  const stringToSign = `${method}&${encode('/')}&${encode(pairs.join('&'))}`;
  return { stringToSign, signature: createHmac('sha1', `${secret}&`).update(stringToSign).digest('base64') };
}
