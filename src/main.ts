import * as core from '@actions/core';
import OSS from 'ali-oss';
import RPC from '@alicloud/pop-core';
export async function hello(): Promise<void> {
  await Promise.resolve();
  core.info(`hi ${typeof OSS} ${typeof RPC}`);
}
