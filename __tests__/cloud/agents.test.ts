import { expect, test } from 'vitest';
import { openAgent } from '../../src/cloud/agents.ts';

const PROXY = { HTTPS_PROXY: 'http://proxy.example.com:3128' };

test.each(['24.4.1', '24.0.0', '22.20.0'])('on Node %s a proxy is an error, because it would be ignored', (node) => {
  expect(() => openAgent(PROXY, node)).toThrow(
    expect.objectContaining({
      code: 'ProxyNeedsNewerRunner',
      message: `HTTPS_PROXY is set, and Node ${node} of this runner ignores it`,
    }),
  );
});

test.each(['24.5.0', '24.11.1', '25.0.0'])('on Node %s a proxy is used', (node) => {
  expect(openAgent(PROXY, node)).toBeDefined();
});

test('without a proxy every Node will do', () => {
  expect(openAgent({}, '24.4.1')).toBeDefined();
});
