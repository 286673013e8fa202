import { listAt } from '../cloud/json.ts';
import type { Params, Rpc } from '../cloud/rpc.ts';

/** The entries of a listing, read page by page as needed. @param path - where the answer contains them */
export async function* entries(ecs: Rpc, action: string, params: Params, ...path: string[]): AsyncGenerator {
  for (let page = 1; ; page += 1) {
    const found = listAt(await ecs(action, { ...params, PageNumber: page, PageSize: 100 }), ...path);
    yield* found;
    if (found.length < 100) return;
  }
}
