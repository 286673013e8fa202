/** An image that can hold a name: the one that this run made, or any other. */
export type Who = 'new' | 'old';

/** Which image has which of the three names. */
export interface Held {
  /** The final name. */
  name?: Who | undefined;
  /** The name of a replaced image; each replaced image has its own. */
  aside?: Who | undefined;
  /** The name of the new image until it gets the final one. */
  temporary?: Who | undefined;
}

export interface Swap {
  rename: Who;
  to: keyof Held;
}

/**
 * The next rename that brings `goal` closer to the final name, from any state that an earlier run may have left; `done`
 * when none is needed. If the wanted image does not exist, the other one gets the name, so that the name is never left
 * unused. If a later run has already replaced the new image, it keeps the name: otherwise two runs would rename forever.
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
