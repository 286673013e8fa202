/** Who can hold a name: the image that this run made, or any other. */
export type Who = 'new' | 'old';

/** Which of the three names of a swap are taken, and by whom. */
export interface Held {
  /** The name that the user asked for. */
  name?: Who | undefined;
  /** Where a replaced image goes; each has a place of its own. */
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
 * Where the wanted image is nowhere, the other one gets the name: a name is never left empty. Whoever set the new image
 * aside is a later run, and the name is its own to give: two runs would else take it from each other without end.
 */
export function nextSwap(held: Held, goal: Who): Swap | 'done' {
  if (held.aside === 'new') return 'done';
  const wanted = Object.values(held).includes(goal) ? goal : other(goal);
  if (held.name === wanted) return 'done';
  if (held.name === undefined) {
    const somewhere = held.aside === wanted || held.temporary === wanted;
    return somewhere ? { rename: wanted, to: 'name' } : 'done';
  }
  return { rename: held.name, to: held.name === 'old' ? 'aside' : 'temporary' };
}

const other = (who: Who): Who => (who === 'new' ? 'old' : 'new');
