import https from 'node:https';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { ossV4 } from '../../simulator/signatures.ts';
import { collect } from '../../simulator/store.ts';
import { agent, code, oss, rpc, until } from './clients.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(() => simulator.close());

/** A signed PUT of an object whose body is left to the caller. */
function put(key: string, headers: Record<string, string>) {
  const date = new Date(simulator.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  const all = { 'x-oss-date': date, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD', ...headers };
  const scope = `${date.slice(0, 8)}/cn-beijing/oss/aliyun_v4_request`;
  const request = { method: 'PUT', bucket: 'packer', key, query: [], headers: all };
  const { accessKeyId, secret } = simulator.admin;
  const authorization = `OSS4-HMAC-SHA256 Credential=${accessKeyId}/${scope},Signature=${ossV4(request, secret, scope, []).signature}`;
  const url = `https://packer.oss-cn-beijing.aliyuncs.com/${key}`;
  return https.request(url, { method: 'PUT', agent: agent(simulator), headers: { ...all, authorization } });
}

it('discards a body that ends early', async () => {
  const request = put('short', { 'content-length': '100' });
  request.on('error', () => undefined).write(Buffer.alloc(50));
  await until(() => simulator.record.at(-1)?.bytesIn === 50);
  request.destroy();
  await until(() => simulator.record.at(-1)?.code === 'ClientGone');
  expect(simulator.record.at(-1)).toMatchObject({ operation: 'oss:PutObject', status: 0, bytesIn: 50 });
  expect(simulator.world.object('packer', 'short')).toBeUndefined();
});

it('refuses more than 5 GiB before it reads the body', async () => {
  const request = put('huge', { 'content-length': String(5 * 2 ** 30 + 1) });
  const status = await new Promise((resolve, reject) => {
    request.on('response', (response) => {
      resolve(response.statusCode);
    });
    request.on('error', reject).flushHeaders();
  });
  request.destroy();
  expect(status).toBe(400);
  expect(simulator.record.at(-1)).toMatchObject({ code: 'EntityTooLarge', bytesIn: 0 });
});

it('accepts parallel uploads, but only one import with a name', async () => {
  const client = oss(simulator);
  const bodies = Array.from({ length: 20 }, (_, at) => Buffer.alloc(50_000 + at, at));
  await Promise.all(bodies.map((body, at) => client.put(`many/${at}.raw`, body)));
  for (const [at, body] of bodies.entries())
    expect((await collect(simulator.world.readObject('packer', `many/${at}.raw`))).equals(body)).toBe(true);
  const disk = { 'DiskDeviceMapping.1.OSSBucket': 'packer', 'DiskDeviceMapping.1.OSSObject': 'many/1.raw' };
  const ecs = rpc(simulator, 'ecs');
  const twice = [0, 1].map(() => code(ecs('ImportImage', { ImageName: 'same', ...disk })));
  expect((await Promise.all(twice)).sort()).toEqual(['InvalidImageName.Duplicated', 'no error']);
  const token = { ImageName: 'token', ClientToken: 'token', ...disk };
  const [first, second] = await Promise.all([ecs('ImportImage', token), ecs('ImportImage', token)]);
  expect(first.ImageId).toBe(second.ImageId);
});
