/** A listing to its last page. */

import { SuraftError } from "../errors.js";
import { nameAfter } from "../store/object-name.js";
import type { ListItem, Store } from "../store/store.js";

export interface ListAllOptions {
  readonly prefix: string;
  /** The first name that is wanted; the prefix if it is not said. */
  readonly startAt?: string;
  readonly signal: AbortSignal;
}

const pageItems = 1000;

/** All items in the order of their names, page by page: no snapshot. Throws what the store throws. */
export async function* listAll(
  store: Store,
  { prefix, startAt = prefix, signal }: ListAllOptions,
): AsyncGenerator<ListItem, void> {
  for (let from = startAt; ;) {
    const page = await store.list({ prefix, startAt: from, limit: pageItems, signal });
    yield* page.items;
    const last = page.items.at(-1);
    if (!page.more) return;
    if (last === undefined) throw new SuraftError("unavailable", `${store.url}: an empty page`);
    from = nameAfter(last.name);
  }
}
