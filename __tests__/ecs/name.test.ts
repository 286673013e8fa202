import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CloudError } from '../../src/cloud/errors.ts';
import type { Params } from '../../src/cloud/rpc.ts';
import { asideName } from '../../src/ecs/names.ts';
import { swapNames } from '../../src/ecs/name.ts';

const NAME = 'web';
const TEMPORARY = 'web-importing-7';

interface Stored {
  id: string;
  name: string;
  created: string;
  status?: string;
}

/** Image names as in ECS: unique, and listed with a delay. */
class Names {
  readonly images: Stored[];
  /** Called before each rename; may throw. */
  onRename?: (id: string, to: string) => void;
  private readonly lag: number;
  private shown: { at: number; images: Stored[] }[] = [];

  constructor(images: Stored[], lag: number) {
    this.images = images;
    this.lag = lag;
    this.note(-Infinity);
  }

  private note(at = Date.now()): void {
    this.shown.push({ at, images: this.images.map((image) => ({ ...image })) });
  }

  readonly ecs = (action: string, params: Params = {}) => {
    if (action === 'ModifyImageAttribute') this.rename(String(params.ImageId), String(params.ImageName));
    const past = this.shown.findLast(({ at }) => at <= Date.now() - this.lag) ?? this.shown[0];
    const found = past?.images.filter(
      ({ id, name }) =>
        (params.ImageId === undefined || id === params.ImageId) && name.includes(String(params.ImageName ?? '')),
    );
    const Image = found?.map(({ id, name, created, status = 'Available' }) => ({
      ImageId: id,
      ImageName: name,
      Status: status,
      CreationTime: created,
    }));
    return Promise.resolve({ RequestId: '', Images: { Image } });
  };

  rename(id: string, to: string): void {
    this.onRename?.(id, to);
    if (this.images.some((image) => image.id !== id && image.name === to))
      throw new CloudError('ecs:ModifyImageAttribute', 'InvalidImageName.Duplicated', 'taken');
    const image = this.images.find((one) => one.id === id);
    if (image === undefined) throw new CloudError('ecs:ModifyImageAttribute', 'InvalidImageId.NotFound', 'gone');
    image.name = to;
    this.note();
  }

  holder(): string | undefined {
    return this.images.find(({ name }) => name === NAME)?.id;
  }
}

const fresh = (name: string): Stored => ({ id: 'm-new', name, created: '2026-02-02T00:00:00Z' });
const old = (id: string, name: string, day = 1): Stored => ({ id, name, created: `2026-01-0${day}T00:00:00Z` });
const log = { info: () => undefined, warning: () => undefined };

/** Runs the renames to their end. @returns the name of the new image */
async function settled(names: Names, goal: 'new' | 'old', moved: string[] = []): Promise<string | undefined> {
  const wanted = { ecs: names.ecs, log, region: 'r', name: NAME, temporary: TEMPORARY, timeout: 600_000 };
  const done = swapNames(wanted, 'm-new', goal, moved);
  done.catch(() => undefined);
  await vi.runAllTimersAsync();
  return done;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([0, 1_000, 5_000, 30_000])('the new image gets the name when the listing lags by %d ms', async (lag) => {
  const names = new Names([fresh(TEMPORARY), old('m-1', NAME)], lag);
  await settled(names, 'new');
  expect(names.images.map(({ name }) => name)).toEqual([NAME, asideName(NAME, 'm-1')]);
  await settled(names, 'new');
  expect(names.holder()).toBe('m-new');
});

test('a lost answer to a rename is noticed at the next look', async () => {
  const names = new Names([fresh(TEMPORARY), old('m-1', NAME)], 1_000);
  const rename = names.rename.bind(names);
  names.rename = (id, to) => {
    rename(id, to);
    throw new CloudError('ecs:ModifyImageAttribute', 'ECONNRESET', 'lost');
  };
  await settled(names, 'new');
  expect(names.holder()).toBe('m-new');
});

test('when the renames are undone, the image that was renamed gets the name, not one that was replaced long ago', async () => {
  const aside = [old('m-1', asideName(NAME, 'm-1')), old('m-9', asideName(NAME, 'm-9'), 9)];
  const names = new Names([fresh(TEMPORARY), ...aside], 1_000);
  await settled(names, 'old', ['m-1']);
  expect(names.holder()).toBe('m-1');
});

test('when the new image no longer exists, the newest of the replaced ones gets the name', async () => {
  const names = new Names([old('m-1', asideName(NAME, 'm-1')), old('m-9', asideName(NAME, 'm-9'), 9)], 1_000);
  expect(await settled(names, 'new')).toBeUndefined();
  expect(names.holder()).toBe('m-9');
});

test('an image of another run that takes the name in between is replaced too', async () => {
  const names = new Names([fresh(TEMPORARY), old('m-1', NAME), old('m-2', 'web-importing-8', 2)], 1_000);
  names.onRename = (id, to) => {
    if (id !== 'm-new' || to !== NAME) return;
    names.onRename = () => undefined;
    names.rename('m-2', NAME);
  };
  await settled(names, 'new');
  expect(names.holder()).toBe('m-new');
  expect(names.images[2]?.name).toBe(asideName(NAME, 'm-2'));
});

test('a new image that a later run has replaced is not renamed again', async () => {
  const names = new Names([fresh(asideName(NAME, 'm-new')), old('m-2', NAME)], 1_000);
  expect(await settled(names, 'new')).toBe(asideName(NAME, 'm-new'));
  expect(names.holder()).toBe('m-2');
});

test('an image that holds the name while it is being made is waited for', async () => {
  const other: Stored = { ...old('m-2', NAME), status: 'Creating' };
  const names = new Names([fresh(TEMPORARY), other], 0);
  names.onRename = (id) => {
    if (id === 'm-2') expect(other.status).toBe('Available');
  };
  setTimeout(() => {
    other.status = 'Available';
    names.rename('m-new', TEMPORARY);
  }, 400_000);
  await settled(names, 'new');
  expect(names.holder()).toBe('m-new');
});

test('a failure that repeating cannot cure is thrown at once', async () => {
  const names = new Names([fresh(TEMPORARY), old('m-1', NAME)], 0);
  names.onRename = () => {
    throw new CloudError('ecs:ModifyImageAttribute', 'Forbidden.RAM', 'not allowed');
  };
  const started = Date.now();
  await expect(settled(names, 'new')).rejects.toMatchObject({ code: 'Forbidden.RAM' });
  expect(Date.now() - started).toBeLessThan(1_000);
  expect(names.holder()).toBe('m-1');
});
