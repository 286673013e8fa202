import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { RPC_ROWS } from '../simulator/table.ts';
import { ADVICE, adviceFor, explain } from '../src/action/advice.ts';
import { openLog } from '../src/action/log.ts';
import { annotation, BadInput } from '../src/action/report.ts';
import { CloudError } from '../src/cloud/errors.ts';
import { ROOT } from './support/scene.ts';

const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as { inputs: object };

test('advice is in whole sentences and uses the names of the inputs', () => {
  const inputs = Object.keys(action.inputs);
  for (const { codes, cause, fix } of Object.values(ADVICE).flat()) {
    const text = `${cause} ${fix}`;
    expect(cause, codes[0]).toMatch(/^\S.*\.$/);
    expect(fix, codes[0]).toMatch(/^([A-Z]|arm64)/);
    for (const [word] of text.matchAll(/(?<![\w./,-])[a-z]+(_[a-z]+)+(?![\w./-])/g))
      expect(inputs, codes[0]).toContain(word);
  }
});

/** Codes without advice: they never end a run, or their text explains everything. */
const WITHOUT = ['Code', 'Stopped'];

test('there is advice for every code of this action', () => {
  const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .join('\n');
  const given = /(?:new CloudError|problem|failed)\(\s*(?:[^,()]+,\s*)?'([A-Z][A-Za-z.]+)'/g;
  const codes = [...new Set([...source.matchAll(given)].map(([, code = '']) => code))];
  expect(codes.length).toBeGreaterThan(15);
  expect(codes.filter((code) => adviceFor(code) === undefined && !WITHOUT.includes(code))).toEqual([]);
});

/** Codes of ImportImage that no input can cause. */
const IMPOSSIBLE = /^(TagKey|InvalidTag|InvalidParameter|MissingParameter|InvalidBlockSize|InvalidDataDiskSize)/;

test('there is advice for every error that is documented for ImportImage', () => {
  const codes = RPC_ROWS.ecs?.find(({ name }) => name === 'ImportImage')?.codes ?? [];
  expect(codes.length).toBeGreaterThan(20);
  expect(codes.filter((code) => adviceFor(code) === undefined && !IMPOSSIBLE.test(code))).toEqual([]);
});

test('an error is one line: operation, code, message, cause, fix, RequestId', () => {
  const error = new CloudError('ecs:ImportImage', 'QuotaExceed.Image', 'Too many\nimages', { requestId: 'ABC-1' });
  const { cause = '', fix = '' } = adviceFor('QuotaExceed.Image') ?? {};
  expect(explain(error)).toBe(
    `ecs:ImportImage failed: QuotaExceed.Image: Too many images. ${cause} ${fix} (RequestId ABC-1)`,
  );
  expect(explain(new CloudError('oss:UploadPart', 'Unheard.Of', 'What?'))).toBe(
    'oss:UploadPart failed: Unheard.Of: What?',
  );
});

test('the error of a denied call says once what is missing', () => {
  expect(explain(new CloudError('oss:UploadPart', 'AccessDenied', 'No right', { requestId: 'ABC-1' }))).toBe(
    'oss:UploadPart failed: AccessDenied: No right. Missing RAM action: oss:PutObject. ' +
      'Allow it for the RAM user or role. docs/permissions.md of this action has the policies. (RequestId ABC-1)',
  );
});

test('an annotation has one line for each problem, whatever the input contains', () => {
  const lines = annotation(new BadInput(['tags "a\n- b" is wrong.', 'path is missing.']));
  expect(lines.map(openLog().safe)).toEqual([
    'Nothing was uploaded. Fix the following:',
    String.raw`- tags "a\u{a}- b" is wrong.`,
    '- path is missing.',
  ]);
});
