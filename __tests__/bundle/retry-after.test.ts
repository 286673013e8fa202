import { expect, test } from 'vitest';
import { quickScene } from '../support/quick.ts';
import { requests } from '../support/scene.ts';

/** Longer than any pause that the action itself makes before a second try. */
const SECONDS = 45;

test.each(['oss:GetBucketInfo', 'oss:UploadPart', 'sts:GetCallerIdentity', 'ecs:ImportImage'])(
  'a call is not repeated before the time that the service asks for: %s',
  async (operation) => {
    const scene = await quickScene();
    scene.simulator.faults.push({ operation, kind: 'status-503', nth: 1, retryAfter: SECONDS });
    const main = await scene.main();
    expect(main.conclusion, main.log).toBe('success');
    const [first, second] = requests(scene, operation);
    expect((second?.at ?? NaN) - (first?.at ?? NaN)).toBeGreaterThanOrEqual(SECONDS * 1000);
  },
);

test('the time of the next try can be a date', async () => {
  const scene = await quickScene();
  const { simulator } = scene;
  simulator.faults.push({ operation: 'ecs:ImportImage', kind: 'status-503', nth: 1, retryAfter: SECONDS });
  simulator.spelling = (answer) => {
    const { 'retry-after': seconds, ...headers } = answer.headers ?? {};
    if (seconds === undefined) return answer;
    return {
      ...answer,
      headers: { ...headers, 'retry-after': new Date(simulator.now() + SECONDS * 1000).toUTCString() },
    };
  };
  const main = await scene.main();
  expect(main.conclusion, main.log).toBe('success');
  const [first, second] = requests(scene, 'ecs:ImportImage');
  // Both dates are in whole seconds.
  expect((second?.at ?? NaN) - (first?.at ?? NaN)).toBeGreaterThanOrEqual((SECONDS - 1) * 1000);
});
