import { now, poll } from '../cloud/time.ts';
import type { Oss } from './client.ts';
import { listParts } from './join.ts';

/** Whoever lives has stored a first part by then, in ms. */
const WATCH = 20_000;

/**
 * Those uploads under a key that nobody goes on with: they hold no part and get none while we watch. An upload whose Initiate lost its
 * answer is one of them, and ending such an upload loses no byte, whoever began it.
 * @throws CloudError
 */
export async function lostUploads(oss: Oss, key: string, ids: string[]): Promise<string[]> {
  let empty = ids;
  const look = async (): Promise<true | undefined> => {
    const counts = await Promise.all(empty.map(async (id) => (await listParts(oss, key, id)).parts.size));
    empty = empty.filter((_, at) => counts[at] === 0);
    return empty.length === 0 ? true : undefined;
  };
  await poll({ first: WATCH / 4, slowest: WATCH / 4, deadline: now() + WATCH }, look);
  return empty;
}
