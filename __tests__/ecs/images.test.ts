import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import type { Params } from '../../src/cloud/rpc.ts';
import { imageIdFrom, listImages, MARK_TAG } from '../../src/ecs/images.ts';
import { asideName, plainName, temporaryName } from '../../src/ecs/names.ts';

const MARK = '0123456789abcdef.999999999.01234567';
const LONGEST_ID = `m-${'2ze'.padEnd(20, 'x')}`;

/** DescribeImages of an account with `count` images, 100 a page at most. */
const describing =
  (count: number) =>
  (_: string, { PageNumber = 1, PageSize = 10 }: Params = {}) => {
    const from = (Number(PageNumber) - 1) * Number(PageSize);
    const length = Math.max(0, Math.min(Number(PageSize), count - from));
    const Image = Array.from({ length }, (__, n) => ({ ImageId: `m-${from + n}` }));
    return Promise.resolve({ RequestId: '', Images: { Image } });
  };

test.each([0, 1, 99, 100, 101, 250])('%i images of a region are all listed, once each', async (count) => {
  const ids = (await listImages(describing(count))).map(({ id }) => id);
  expect(ids).toEqual(Array.from({ length: count }, (_, n) => `m-${n}`));
});

test.each([2, 63, 64, 65, 127, 128])(
  'derived names of an image name of %i characters are valid and distinct',
  (length) => {
    const names = ['x', 'y'].map((end) => end.padStart(length, '镜'));
    const derived = names.flatMap((name) => [
      temporaryName(name, MARK),
      plainName(name, MARK),
      asideName(name, LONGEST_ID),
    ]);
    for (const name of derived) expect(name.length).toBeLessThanOrEqual(128);
    expect(new Set([...names, ...derived]).size).toBe(names.length + derived.length);
    expect(asideName(names[0] ?? '', LONGEST_ID)).toMatch(new RegExp(`${LONGEST_ID}$`));
  },
);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A call whose answer is lost; the image is listed `lag` ms later, and its tag `lag` ms later still. */
async function afterLostAnswer(lag: number, error: CloudError): Promise<string> {
  const start = Date.now();
  const there = () => {
    const tags = Date.now() >= start + 2 * lag ? [{ TagKey: MARK_TAG, TagValue: MARK }] : [];
    const image = { ImageId: 'm-lost', ImageName: 'web', Tags: { Tag: tags } };
    return Promise.resolve({ RequestId: '', Images: { Image: Date.now() >= start + lag ? [image] : [] } });
  };
  const found = imageIdFrom('ecs:CopyImage', () => Promise.reject(error), there, { name: 'web', mark: MARK });
  found.catch(() => undefined);
  await vi.runAllTimersAsync();
  return found;
}
const lost = new CloudError('ecs:CopyImage', 'ECONNRESET', 'lost');

test.each([0, 1_000, 6_000])(
  'an image whose answer was lost is found when list and tags lag %d ms each',
  async (lag) => {
    expect(await afterLostAnswer(lag, lost)).toBe('m-lost');
    expect(await afterLostAnswer(lag, new CloudError('ecs:CopyImage', 'InvalidImageName.Duplicated', ''))).toBe(
      'm-lost',
    );
  },
);

test('the failure of the call is thrown when no image appears, and a refusal at once', async () => {
  await expect(afterLostAnswer(60_000, lost)).rejects.toBe(lost);
  const started = Date.now();
  const denied = new CloudError('ecs:CopyImage', 'Forbidden.RAM', '');
  await expect(afterLostAnswer(0, denied)).rejects.toBe(denied);
  expect(Date.now()).toBe(started);
});
