import type { Caller } from './auth.ts';
import type { Account, Bucket } from './entities.ts';
import type { Target } from './hosts.ts';
import type { World } from './world.ts';

/** One request, recorded for the tests. */
export interface RecordedRequest {
  n: number;
  at: number;
  host: string;
  service: string;
  /** `oss:UploadPart`, `ecs:ImportImage`, ...; `unknown` when no row fits. */
  operation: string;
  ramActions: string[];
  method: string;
  /** RPC: all parameters. */
  params?: Record<string, string>;
  /** OSS: the resource; header names are lower case. */
  bucket?: string;
  key?: string;
  query?: Record<string, string>;
  headers: Record<string, string>;
  /** Bytes of the body that have arrived. */
  bytesIn: number;
  /** 0 when no answer was sent. */
  status: number;
  code?: string;
  requestId: string;
  secure: boolean;
  caller?: string;
  fault?: string;
  /** What a correct client never does: plain http, a secret in a URL, an unknown host or operation. */
  violation?: string;
}
/** The argument of every handler. */
export interface Call {
  world: World;
  now: number;
  target: Target;
  record: RecordedRequest;
  caller: Caller;
  account: Account;
  /** Fails if the policies of the caller do not allow the action on the resource. */
  authorize(action: string, resource: string): void;
}
export interface OssCall extends Call {
  bucket: Bucket;
  key: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  body(): AsyncIterable<Buffer>;
  text(): Promise<string>;
}
export interface RpcCall extends Call {
  params: Record<string, string>;
  region: string;
}
export function newCall(world: World, record: RecordedRequest, target: Target, caller: Caller) {
  record.caller = caller.arn;
  return { world, now: world.clock.now(), target, record, caller, account: caller.account };
}

/** A request whose operation is known, but which is not executed yet. */
export interface Prepared {
  operation: string;
  run(): Answer | Promise<Answer>;
}
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  /** The Content-Length of an answer to HEAD. */
  length?: number;
}
