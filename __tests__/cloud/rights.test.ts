import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OSS_ROWS } from '../../simulator/table.ts';
import { explain } from '../../src/action/advice.ts';
import { CloudError, ramActionOf } from '../../src/cloud/errors.ts';

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const text = files.map((name) => readFileSync(`src/${name}`, 'utf8')).join('');
const used = OSS_ROWS.filter(({ name }) => text.includes(`'oss:${name}'`));

test.each(used)('a denied oss:$name names the RAM action $action', ({ name, action }) => {
  expect(ramActionOf(`oss:${name}`)).toBe(action);
  const message = explain(new CloudError(`oss:${name}`, 'AccessDenied', 'You have no right'));
  expect(message).toContain(`Missing RAM action: ${action}.`);
});

test('the operations that src names are there', () => {
  expect(used.length).toBeGreaterThan(10);
});
