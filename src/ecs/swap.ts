/** Who can hold a name: the image that this run made, or one that was there before it. */
export type Who = 'new' | 'old';

/** Which of the three names of a swap are taken, and by whom. */
export interface Held {
  /** The name that the user asked for. */
  name?: Who | undefined;
  /** Where the old image goes. */
  aside?: Who | undefined;
  /** Where the new image waits. */
  temporary?: Who | undefined;
}

export interface Swap {
  rename: Who;
  to: keyof Held;
}

/**
 * The next rename on the way to `goal` holding the name, whatever a run before left half done; `done` when there is none.
 * Where the wanted image is nowhere, the other one gets the name: a name is never left empty.
 */
export function nextSwap(held: Held, goal: Who): Swap | 'done' {
  const wantedAt = (['name', 'aside', 'temporary'] as const).find((place) => held[place] === goal);
  const keep = wantedAt === undefined ? other(goal) : goal;
  if (held.name === keep) return 'done';
  if (held.name === undefined) {
    const somewhere = held.aside === keep || held.temporary === keep;
    return somewhere ? { rename: keep, to: 'name' } : 'done';
  }
  return { rename: held.name, to: held.name === 'old' ? 'aside' : 'temporary' };
}

const other = (who: Who): Who => (who === 'new' ? 'old' : 'new');
