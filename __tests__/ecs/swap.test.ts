import { expect, test } from 'vitest';
import { nextSwap, type Held, type Swap, type Who } from '../../src/ecs/swap.ts';

const WHO = [undefined, 'new', 'old'] as const;

/** There is one new image, and only it can have the temporary name; old images may be many, each with its own aside name. */
const states: Held[] = WHO.flatMap((name) =>
  WHO.flatMap((aside) => WHO.map((temporary) => ({ name, aside, temporary }))),
).filter((held) => held.temporary !== 'old' && Object.values(held).filter((who) => who === 'new').length <= 1);
const cases = states.flatMap((held) => (['new', 'old'] as const).map((goal) => ({ held, goal })));

function apply(held: Held, { rename, to }: Swap): Held {
  const from = (['name', 'temporary', 'aside'] as const).find((place) => place !== to && held[place] === rename);
  expect(from, `${rename} is nowhere`).toBeDefined();
  if (to === 'name') expect(held.name, 'a name is given only when it is free').toBeUndefined();
  return { ...held, [from ?? 'name']: undefined, [to]: rename };
}

/** The image that should have the name in the end. */
function owed({ name, aside, temporary }: Held, goal: Who): Who | undefined {
  const there = [name, aside, temporary];
  // A later run has replaced the new image, so the name is not changed.
  if (aside === 'new') return name;
  const other = goal === 'new' ? 'old' : 'new';
  return there.includes(goal) ? goal : there.includes(other) ? other : undefined;
}

test(`from each of ${states.length} states, the goal gets the name, which is unused only between two renames`, () => {
  for (const { held, goal } of cases) {
    const trace: string[] = [];
    let now = held;
    let swap = nextSwap(now, goal);
    for (; swap !== 'done' && trace.length < 4; swap = nextSwap(now, goal)) {
      const had = now.name !== undefined;
      now = apply(now, swap);
      trace.push(`${swap.rename} -> ${swap.to}`);
      if (had && now.name === undefined) {
        expect(nextSwap(now, goal), JSON.stringify({ held, goal, trace })).toMatchObject({ to: 'name' });
      }
    }
    const text = JSON.stringify({ held, goal, trace });
    expect(swap, text).toBe('done');
    expect(trace.length, text).toBeLessThanOrEqual(2);
    expect(now.name, text).toBe(owed(held, goal));
  }
});
