import { expect, test } from 'vitest';
import { CONTENT_TAG, MARK_TAG, type Image } from '../../src/ecs/images.ts';
import { asideName, plainName, temporaryName } from '../../src/ecs/names.ts';
import { contentOf } from '../../src/run/content.ts';
import type { Context } from '../../src/run/context.ts';
import { markText } from '../../src/run/ownership.ts';
import { planImages } from '../../src/run/plan-images.ts';
import type { ImportRequest } from '../../src/run/request.ts';
import { targetsOf } from '../../src/run/targets.ts';

const NAME = 'base';
const ME = { owner: '0123456789abcdef', attempt: 2, nonce: '01234567' };
const EARLIER = markText({ ...ME, attempt: 1, nonce: '76543210' });
const OTHER = markText({ owner: 'fedcba9876543210', attempt: 1, nonce: '00000000' });
const DAY = 86_400_000;

interface Options {
  force?: boolean;
  reuse?: boolean;
  encrypted?: boolean;
}

function contextOf({ force = false, reuse = false, encrypted = false }: Options): Context {
  const request = {
    region: 'r',
    image: { name: NAME },
    distribution: { copies: [], encrypted, kmsKeyId: undefined, accounts: [] },
    forceDelete: force,
    reuseIdentical: reuse,
  } as unknown as ImportRequest;
  return { request, disks: [], me: ME } as unknown as Context;
}

/** Plans with these images in the region. Without disks, their content is known without reading. */
async function planned(images: Image[], options: Options = {}) {
  const context = contextOf(options);
  const plan = await planImages(context, targetsOf(context.request, ME), new Map([['r', images]]));
  return { ...plan, target: plan.targets[0] };
}

const [target] = targetsOf(contextOf({}).request, ME);
const SAME = target === undefined ? '' : contentOf(contextOf({}).request, [], [], target);

function image(id: string, name: string, mark: string, more: Partial<Image> & { content?: string } = {}): Image {
  const { content = SAME, ...rest } = more;
  return {
    id,
    name,
    status: 'Available',
    progress: '',
    created: new Date(Date.now() - 2 * DAY).toISOString(),
    tags: { [MARK_TAG]: mark, [CONTENT_TAG]: content },
    snapshots: [],
    sources: [],
    detection: undefined,
    ...rest,
  };
}

test('a forced run deletes old temporary images of its name, and none whose final name only looks like one', async () => {
  const images = [
    image('m-temporary', temporaryName(NAME, OTHER), OTHER),
    image('m-young', temporaryName(NAME, OTHER), OTHER, { created: new Date().toISOString() }),
    image('m-aside', asideName(NAME, 'm-aside'), OTHER),
    // Another image of the account, made by this action under the name that its user chose.
    image('m-v2', `${NAME}-importing-v2`, OTHER),
    image('m-of-v2', temporaryName(`${NAME}-importing-v2`, OTHER), OTHER),
    image('m-copied-name', temporaryName(NAME, OTHER), EARLIER.replace(ME.owner, OTHER.slice(0, 16))),
    image('m-no-mark', temporaryName(NAME, 'by.hand'), 'by.hand'),
  ];
  expect((await planned(images, { force: true })).target?.replaced).toEqual(['m-temporary', 'm-aside']);
  expect((await planned(images)).target?.replaced).toEqual([]);
});

test('with reuse_identical_image, the image of another run that holds the name is adopted and never replaced', async () => {
  const own = image('m-own', temporaryName(NAME, EARLIER), EARLIER);
  const named = image('m-named', NAME, OTHER);
  for (const images of [
    [own, named],
    [named, own],
  ]) {
    const { target: one, problems } = await planned(images, { reuse: true });
    expect(one).toMatchObject({ adopt: { id: 'm-named' }, holder: undefined, replaced: ['m-own'] });
    expect(problems).toEqual([]);
  }
});

test('an adopted image is never among those to delete, however old it is', async () => {
  const own = image('m-own', temporaryName(NAME, EARLIER), EARLIER);
  const { target: one } = await planned([own, image('m-old', NAME, '')], { force: true });
  expect(one).toMatchObject({ adopt: { id: 'm-own' }, holder: { id: 'm-old' }, replaced: ['m-old'] });
});

test('an encrypted image that is adopted needs no plain one, and the plain one of an earlier attempt is removed', async () => {
  const [, encrypt] = targetsOf(contextOf({ encrypted: true }).request, ME);
  const context = contextOf({ encrypted: true });
  const content = encrypt === undefined ? '' : contentOf(context.request, [], [], encrypt);
  const plain = image('m-plain', plainName(NAME, EARLIER), EARLIER);
  const named = image('m-named', NAME, EARLIER, { content });
  const plan = await planned([plain, named], { encrypted: true });
  expect(plan.targets).toMatchObject([{ kind: 'encrypt', adopt: { id: 'm-named' } }]);
  expect(plan.left).toMatchObject([{ kind: 'image', id: 'm-plain', intermediate: true }]);

  const resumed = await planned([plain], { encrypted: true });
  expect(resumed.targets).toMatchObject([{ kind: 'import', adopt: { id: 'm-plain' } }, { kind: 'encrypt' }]);
  expect(resumed.left).toEqual([]);
  // Of another run, or of this one when the image is no longer encrypted.
  expect((await planned([image('m-plain', plainName(NAME, OTHER), OTHER)])).left).toEqual([]);
  expect((await planned([plain])).left).toMatchObject([{ id: 'm-plain' }]);
});
