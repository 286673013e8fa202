import { listAt } from '../cloud/json.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';

/** The entries of a listing, page by page as they are needed. @param path - where they lie in the answer */
export async function* entries(ecs: Rpc, action: string, params: Params, ...path: string[]): AsyncGenerator {
  for (let page = 1; ; page += 1) {
    const found = listAt(await ecs(action, { ...params, PageNumber: page, PageSize: 100 }), ...path);
    yield* found;
    if (found.length < 100) return;
  }
}
