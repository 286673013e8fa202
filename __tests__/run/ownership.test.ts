import { expect, test } from 'vitest';
import {
  decide,
  markText,
  newMark,
  parseMark,
  relation,
  type Circumstances,
  type Decision,
} from '../../src/run/ownership.ts';
import type { ImportRequest } from '../../src/run/request.ts';

const ME = { owner: '0123456789abcdef', attempt: 2, nonce: '01234567' };
const OTHER_OWNER = 'fedcba9876543210';
const OTHER_NONCE = '76543210';

test.each([
  // owner, attempt, nonce, relation
  ['same', 1, 'same', 'earlier attempt'],
  ['same', 1, 'other', 'earlier attempt'],
  ['same', 2, 'same', 'mine'],
  ['same', 2, 'other', 'other'],
  ['same', 3, 'same', 'other'],
  ['same', 3, 'other', 'other'],
  ['other', 1, 'same', 'other'],
  ['other', 1, 'other', 'other'],
  ['other', 2, 'same', 'other'],
  ['other', 2, 'other', 'other'],
  ['other', 3, 'same', 'other'],
  ['other', 3, 'other', 'other'],
] as const)('owner %s, attempt %d of 2, nonce %s: %s', (owner, attempt, nonce, expected) => {
  const mark = {
    owner: owner === 'same' ? ME.owner : OTHER_OWNER,
    attempt,
    nonce: nonce === 'same' ? ME.nonce : OTHER_NONCE,
  };
  expect(relation(mark, ME)).toBe(expected);
  expect(parseMark(markText(mark))).toEqual(mark);
});

test('without a valid mark, a resource belongs to others', () => {
  for (const text of [undefined, '', 'octo/images/42', `${ME.owner}.2`, `${markText(ME)}x`, `x${markText(ME)}`]) {
    expect(relation(parseMark(text), ME), text).toBe('other');
  }
});

test('each part of the owner changes the owner, the attempt does not', () => {
  const workflow = {
    server: 's',
    repository: 'r',
    runId: '1',
    attempt: 1,
    job: 'j',
    matrix: 'm',
    step: 't',
    workspace: 'w',
  };
  const request = { region: 'r', bucket: 'b', key: undefined, image: { name: 'n' }, workflow } as ImportRequest;
  const owner = (some: object) => newMark({ ...request, ...some }).owner;
  const changes = [
    ...(['server', 'repository', 'runId', 'job', 'matrix', 'step'] as const).map((name) => ({
      workflow: { ...workflow, [name]: 'x' },
    })),
    { region: 'x' },
    { bucket: 'x' },
    { key: 'x' },
    { image: { name: 'x' } },
  ];
  const owners = [owner({}), ...changes.map(owner)];
  expect(new Set(owners).size).toBe(owners.length);
  expect(owner({ workflow: { ...workflow, attempt: 2, workspace: 'x' } })).toBe(owners[0]);
  expect(newMark(request).nonce).not.toBe(newMark(request).nonce);
});

const STATUSES = ['Creating', 'Waiting', 'Available', 'UnAvailable', 'CreateFailed', 'Deprecated'];
const MAKING = ['Creating', 'Waiting'];
const RELATIONS = ['mine', 'earlier attempt', 'other'] as const;
const BOTH = [true, false];

interface Case extends Circumstances {
  status: string;
  decision: Decision;
}

const CASES: Case[] = STATUSES.flatMap((status) =>
  RELATIONS.flatMap((whose) =>
    BOTH.flatMap((named) =>
      BOTH.flatMap((sameContent) =>
        BOTH.flatMap((force) =>
          BOTH.map((reuse) => {
            const circumstances = { relation: whose, named, sameContent, force, reuse };
            return { status, ...circumstances, decision: decide({ status }, circumstances) };
          }),
        ),
      ),
    ),
  ),
);
const where = (wanted: (one: Case) => boolean) => CASES.filter(wanted);
const decisions = (cases: Case[]) => [...new Set(cases.map(({ decision }) => decision))].sort();

test('decides as in the table, row by row', () => {
  const isMaking = ({ status }: Case) => MAKING.includes(status);
  const isFailed = ({ status }: Case) => ['UnAvailable', 'CreateFailed'].includes(status);
  const isFinished = (one: Case) => !isMaking(one) && !isFailed(one);
  const earlier = ({ relation: whose }: Case) => whose === 'earlier attempt';
  const other = ({ relation: whose }: Case) => whose === 'other';
  expect(CASES).toHaveLength(288);
  expect(decisions(where((one) => earlier(one) && isMaking(one) && one.sameContent))).toEqual(['adopt']);
  expect(decisions(where((one) => one.relation === 'mine' && isMaking(one)))).toEqual(['adopt']);
  expect(decisions(where((one) => earlier(one) && isMaking(one) && !one.sameContent))).toEqual(['cancel']);
  expect(decisions(where((one) => earlier(one) && isFailed(one)))).toEqual(['cancel']);
  expect(decisions(where((one) => earlier(one) && one.status === 'Available' && one.sameContent))).toEqual(['adopt']);
  expect(decisions(where((one) => one.status === 'Available' && one.named && one.reuse && one.sameContent))).toEqual([
    'adopt',
  ]);
  expect(decisions(where((one) => other(one) && !one.named))).toEqual(['ignore']);
  const finished = where((one) => isFinished(one) && one.named && !one.sameContent && one.relation !== 'mine');
  expect(decisions(finished.filter(({ force }) => !force))).toEqual(['refuse']);
  expect(decisions(finished.filter(({ force }) => force))).toEqual(['replace']);
  const making = where((one) => other(one) && one.named && isMaking(one));
  expect(decisions(making.filter(({ force }) => !force))).toEqual(['refuse']);
  expect(decisions(making.filter(({ force }) => force))).toEqual(['wait']);
  const failed = where((one) => other(one) && one.named && isFailed(one));
  expect(decisions(failed.filter(({ force }) => !force))).toEqual(['refuse']);
  expect(decisions(failed.filter(({ force }) => force))).toEqual(['replace']);
});

test('without force, images of others are not touched, except to reuse the same content', () => {
  const touched = where(
    (one) => one.relation === 'other' && !one.force && !['refuse', 'ignore'].includes(one.decision),
  );
  expect(
    touched.every(({ decision, reuse, sameContent, named, status }) => {
      return decision === 'adopt' && reuse && sameContent && named && status === 'Available';
    }),
  ).toBe(true);
});

test('images of others are never cancelled, and never touched under a temporary name', () => {
  expect(where((one) => one.relation === 'other' && one.decision === 'cancel')).toEqual([]);
  expect(where((one) => one.relation === 'other' && !one.named && one.decision !== 'ignore')).toEqual([]);
});

test('an image with other content is adopted only if this execution made it', () => {
  expect(where((one) => one.decision === 'adopt' && !one.sameContent && one.relation !== 'mine')).toEqual([]);
});

test('a finished image is never cancelled, and replaced only by force', () => {
  const finished = where(({ status }) => ['Available', 'Deprecated'].includes(status));
  expect(finished.filter(({ decision }) => decision === 'cancel')).toEqual([]);
  expect(where((one) => one.decision === 'replace' && !one.force)).toEqual([]);
});
