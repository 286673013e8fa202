import { listAt, textAt } from '../cloud/json.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';

/** The entries of a listing, read page by page as needed. @param path - where the answer contains them */
export async function* entries(ecs: Rpc, action: string, params: Params, ...path: string[]): AsyncGenerator {
  let seen = 0;
  for (let page = 1; ; page += 1) {
    const answer = await ecs(action, { ...params, PageNumber: page, PageSize: 100 });
    const found = listAt(answer, ...path);
    yield* found;
    seen += found.length;
    // A service may take a smaller page size for the largest one.
    const isLast = found.length < 100 && seen >= Number(textAt(answer, 'TotalCount') ?? 0);
    if (isLast || found.length === 0) return;
  }
}
