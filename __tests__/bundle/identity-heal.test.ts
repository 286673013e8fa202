import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Fault } from '../../simulator/index.ts';
import { openCrowd, type Crowd } from '../support/people.ts';

let crowd: Crowd;
let n = 0;

beforeAll(async () => {
  crowd = await openCrowd({ speed: 60, importSeconds: 150 });
});
afterAll(() => crowd.close());
beforeEach(() => {
  crowd.simulator.faults.length = 0;
  crowd.simulator.record.length = 0;
});

async function run(faults: Fault[], keys?: { access_key: string; secret_key: string }, env?: Record<string, string>) {
  crowd.simulator.faults.push(...faults);
  const oidc = { ram_role_arn: crowd.roleArn, oidc_provider_arn: crowd.providerArn };
  return crowd.job(env).main({ ...(keys ?? oidc), image_name: `healed-${(n += 1)}` });
}
const count = (operation: string) => crowd.simulator.record.filter((one) => one.operation === operation).length;

test('when a service reports an expired session, the session is renewed and the call repeated', async () => {
  const main = await run([{ operation: 'ecs:DescribeTasks', kind: 'expired-token', nth: 9 }]);
  expect(main.conclusion).toBe('success');
  expect(count('sts:AssumeRoleWithOIDC')).toBe(2);
});

test('only once: if the repeated call is refused too, that is the error', async () => {
  const main = await run([{ operation: 'ecs:ImportImage', kind: 'expired-token' }]);
  expect(main.log).toMatch(
    /##\[error\]ecs:ImportImage failed: InvalidSecurityToken\.Expired.*credentials from ram_role_arn/,
  );
  expect(count('ecs:ImportImage')).toBe(2);
});

test('keys that cannot be renewed are not sent again', async () => {
  const keys = { access_key: crowd.user.accessKeyId, secret_key: crowd.user.secret };
  const main = await run([{ operation: 'ecs:ImportImage', kind: 'expired-token' }], keys);
  expect(main.log).toMatch(
    /##\[error\]ecs:ImportImage failed: InvalidSecurityToken\.Expired.*credentials from access_key/,
  );
  expect(count('ecs:ImportImage')).toBe(1);
});

test('requests for an identity token or a session are repeated after a network error', async () => {
  const main = await run([
    { operation: 'oidc:GetIdToken', kind: 'reset', nth: 1 },
    { operation: 'oidc:GetIdToken', kind: 'status-500', nth: 2 },
    { operation: 'sts:AssumeRoleWithOIDC', kind: 'reset', nth: 1 },
  ]);
  expect(main.conclusion).toBe('success');
  expect(count('oidc:GetIdToken')).toBe(3);
  expect(count('sts:AssumeRoleWithOIDC')).toBe(2);
});

test.each([-20, 20])('a clock that is wrong by %i minutes is corrected for all clients', async (minutes) => {
  const env = { FAST_TIME: `${crowd.simulator.world.clock.env.FAST_TIME ?? ''},${minutes * 60_000}` };
  const main = await run([], undefined, env);
  expect(main.log).not.toContain('##[error]');
  expect(main.conclusion).toBe('success');
  const refused = crowd.simulator.record.filter(({ code = '' }) => /TimeStamp|Skewed/.test(code));
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(5);
});
