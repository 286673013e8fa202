import { expect, test } from 'vitest';
import { RPC_ROWS } from '../../simulator/table.ts';
import { inParallel } from '../support/kill.ts';
import { quickScene, recordFrom, theError } from '../support/quick.ts';
import type { Scene } from '../support/scene.ts';

/** Codes for a missing object, bucket or role, which a dry run may return and the run then creates. */
const NOT_YET = [
  'InvalidOSSObject.NotFound',
  'InvalidOSSBucket.NotFound',
  'NoSetRoletoECSServiceAcount',
  'InvalidOSS.NotAuthorized',
];
/** Codes that every operation can return besides those in its row of the table. */
const COMMON = ['Forbidden.RAM', 'InvalidAccountStatus.NotEnoughBalance', 'OperationDenied', 'UserNotInTheWhiteList'];

const codes = [...(RPC_ROWS.ecs?.find(({ name }) => name === 'ImportImage')?.codes ?? []), ...COMMON];

/** Runs main while every dry run of ImportImage fails with the code. */
async function answered(scene: Scene, code: string) {
  const { faults } = scene.simulator;
  faults.push({
    operation: 'ecs:ImportImage DryRun',
    kind: 'error',
    code,
    message: 'Set by the test.',
    status: 403,
  });
  const record = recordFrom(scene);
  const main = await scene.main({ image_name: `image_${code.replaceAll('.', '_')}` });
  faults.length = 0;
  return { main, operations: record().map(({ operation }) => operation) };
}

test('a refusal of the dry run is one error, before any part is sent', async () => {
  expect(codes.length).toBeGreaterThan(30);
  const scenes = await Promise.all([quickScene(), quickScene(), quickScene()]);
  await inParallel(
    codes.filter((code) => !NOT_YET.includes(code)),
    scenes.length,
    async (code) => {
      const scene = scenes.pop() ?? (await quickScene());
      const { main, operations } = await answered(scene, code);
      scenes.push(scene);
      const error = theError(main);
      expect(error.split(code).length - 1, error).toBe(1);
      expect(error, error).toMatch(/\(RequestId [0-9A-F-]{24,36}\)/);
      expect(
        operations.filter((one) => /Initiate|UploadPart|PutObject|PutBucket|CreateRole|ImportImage$/.test(one)),
      ).toEqual([]);
    },
  );
});

test.each(NOT_YET)('%s in a dry run only means that there is no object or role yet', async (code) => {
  const { main, operations } = await answered(await quickScene(), code);
  expect(main.conclusion, main.log).toBe('success');
  expect(operations).toContain('ecs:ImportImage');
});
