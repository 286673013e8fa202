import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fault, type Simulator, startSimulator } from '../../simulator/index.ts';
import { code, oss, rpc } from './clients.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ speed: 50 });
});
afterAll(() => simulator.close());

describe('faults', () => {
  const cases: [Fault['kind'], unknown, unknown][] = [
    ['status-500', 'InternalError', 'InternalError'],
    ['status-503', 'ServiceUnavailable', 'ServiceUnavailable'],
    ['throttling', 'SlowDown', 'Throttling.User'],
    ['expired-token', 'SecurityTokenExpired', 'InvalidSecurityToken.Expired'],
    ['clock-skew', 'RequestTimeTooSkewed', 'InvalidTimeStamp.Expired'],
    ['error', 'Custom', 'Custom'],
    ['reset', 'ResponseError', 'ECONNRESET'],
  ];
  it.each(cases)('%s', async (kind, ossCode, rpcCode) => {
    simulator.faults.push(
      { operation: 'oss:GetBucketInfo', kind, nth: 1, code: 'Custom' },
      { operation: 'ecs:*', kind, nth: 1, code: 'Custom' },
    );
    const client = oss(simulator);
    expect(await code(client.getBucketInfo('packer'))).toMatch(new RegExp(`${String(ossCode)}|RequestError`));
    expect(await code(rpc(simulator, 'ecs')('DescribeImages'))).toBe(rpcCode);
    await client.getBucketInfo('packer');
  });

  it('lose an answer, flip a bit, cut or stall a body, and send foreign text', async () => {
    const client = oss(simulator);
    simulator.faults.push({ operation: 'oss:PutObject', kind: 'reset', when: 'after', nth: 1 });
    expect(await code(client.put('lost', Buffer.from('x')))).not.toBe('no error');
    expect(simulator.world.object('packer', 'lost')).toBeDefined();
    simulator.faults.push({ operation: 'oss:PutObject', kind: 'corrupt', nth: 1 });
    expect(await code(client.put('flipped', Buffer.from('a')))).toBe('InvalidDigest');
    simulator.faults.push({ operation: 'oss:PutObject', kind: 'reset', bytes: 1000, nth: 1 });
    expect(await code(client.put('cut', Buffer.alloc(2_000_000)))).not.toBe('no error');
    expect(simulator.world.object('packer', 'cut')).toBeUndefined();
    simulator.faults.push({ operation: 'oss:PutObject', kind: 'stall', bytes: 1000, seconds: 5, nth: 1 });
    expect(await code(client.put('stalled', Buffer.alloc(2_000_000)))).not.toBe('no error');
    simulator.faults.push({ operation: 'sts:GetCallerIdentity', kind: 'html', nth: 1 });
    await expect(rpc(simulator, 'sts')('GetCallerIdentity')).rejects.toMatchObject({ name: 'SyntaxError' });
    simulator.faults.push({ operation: 'sts:GetCallerIdentity', kind: 'truncated', nth: 1 });
    expect(await code(rpc(simulator, 'sts')('GetCallerIdentity'))).not.toBe('no error');
    simulator.faults.push({ operation: 'oss:PutObject', kind: 'slow', bytesPerSecond: 50_000, nth: 1 });
    const begun = simulator.now();
    await client.put('slow', Buffer.alloc(200_000));
    expect(simulator.now() - begun).toBeGreaterThan(3500);
  });

  it('come with hooks before and after each request', async () => {
    const seen: string[] = [];
    simulator.before = ({ operation }) => void seen.push(`before ${operation}`);
    simulator.after = ({ status }) => void seen.push(`after ${status}`);
    await rpc(simulator, 'sts')('GetCallerIdentity');
    simulator.before = simulator.after = undefined;
    expect(seen).toEqual(['before sts:GetCallerIdentity', 'after 200']);
  });
});
